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

/** What a value is to the call that carries it. */
export const VALUE_ROLES = [
  /** Who or what is reached: a recipient, an address, a URL. */
  'destination',
  /** The thing that is acted on: an order, a file, an account. */
  'identity',
  /** A secret that opens something: a password, a key, a code. */
  'credential',
  /** What is said or stored. */
  'payload',
  /** Says nothing that could be chosen against the user: a page number, a sort order. */
  'plain',
] as const;
/** See {@link VALUE_ROLES}. */
export type ValueRole = (typeof VALUE_ROLES)[number];

/** Where a value of this request came from. */
export interface Provenance {
  /** A path of the request, e.g. `tool.arguments.to`. */
  readonly path: string;
  /** `user`, `agent`, or `tool:<server>/<name>` for a value that an earlier result brought. */
  readonly origin: string;
  readonly labels: readonly string[];
  /** Absent: unknown. */
  readonly role?: ValueRole;
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
