/**
 * What a PDP knows about a request that the PEP did not say: the session's past, where arguments came from, where they
 * would go (contracts §9). The context stage adds it; a PEP cannot send it. Evaluation reads it like any other field.
 */

import type { DecisionEffect } from './decision.js';
import type { AttemptKind, CanonicalRequest } from './request.js';

/** An earlier attempt of the same session. */
export interface PastAttempt {
  readonly kind: AttemptKind;
  readonly server?: string;
  readonly tool?: string;
  readonly operation?: string;
  /** The host of an outbound connection. */
  readonly host?: string;
  readonly model?: string;
  /** How it was decided. */
  readonly effect: DecisionEffect;
  /** RFC 3339. */
  readonly at: string;
  /** Labels that its result brought into the session. */
  readonly labels?: readonly string[];
}

/** Where a value of this request came from. */
export interface Provenance {
  /** A path of the request, e.g. `tool.arguments.to`. */
  readonly path: string;
  /** `user`, `agent`, or `tool:<server>/<name>` for a value that an earlier result brought. */
  readonly origin: string;
  readonly labels: readonly string[];
  /** What the value is to the call: `destination`, `identity`, `credential`, `payload`, `plain`. */
  readonly role?: string;
}

/** How an attempt stands to the task of its session. */
export const TASK_SCOPES = [
  /** The declared scope has the tool; without a declared one, the user's words ask for what it does. */
  'inside',
  /** Neither is so, but everything that the attempt acts on is in the user's own words. */
  'named',
  /** None of this is so. */
  'outside',
  /** It only hands over the code that an allowed operation of the same server waits for. */
  'continued',
] as const;
/** See {@link TASK_SCOPES}. */
export type TaskScope = (typeof TASK_SCOPES)[number];

/** The facts. A fact that is absent is unknown, which is not the same as empty. */
export interface Facts {
  /** Oldest first; bounded by whoever keeps it. */
  readonly history?: readonly PastAttempt[];
  readonly provenance?: readonly Provenance[];
  /** What the attempt would reach: `external_message`, `egress`, `external_model`, `payment` … */
  readonly sinks?: readonly string[];
  /** Absent when nobody said what the task is. */
  readonly task_scope?: TaskScope;
  /** Added up over the allowed attempts of the session and this one: `amount`, `destinations`, `writes`. */
  readonly totals?: { readonly [name: string]: number };
}

/** What the engine evaluates. */
export interface ContextualRequest extends CanonicalRequest {
  readonly facts?: Facts;
  /** Fields that should be known and are not, with all that is below them: whatever reads one is an error. */
  readonly unavailable?: readonly string[];
}
