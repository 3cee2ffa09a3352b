/** Ask, then `Permit | Refusal`. There is no third outcome, and every doubt is the second (contracts §4, §13 P0). */

import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { PolicyClient } from '../ask/port.js';
import { NerFailure } from '../redact/ner/port.js';
import type { Redactor } from '../redact/redactor.js';
import type { TraceFields } from '../trace/w3c.js';
import { giveBack } from './account.js';
import { type Capabilities, unsupported } from './capabilities.js';
import type { OpenAttempts } from './open-attempts.js';
import { type Direction, mintPermit, type Permit } from './permit.js';
import type { Refusal, Refuser } from './refuse.js';
import { createStoppedSince } from './stopped-since.js';
import { withBackstop } from './with-backstop.js';

/** An attempt, ready to be asked about. */
export interface Attempt {
  readonly request: CanonicalRequest;
  readonly server: string;
  readonly direction: Direction;
  /** What will be sent if it is allowed: the re-serialisation of exactly what `request` was made from. */
  readonly payload: string | undefined;
  /** What the connection says of the trace that it belongs to; no part of the question. */
  readonly trace?: TraceFields;
}

/** Decides one attempt. Never rejects, and always settles: a client that never answers is a timeout. */
export type Guard = (attempt: Attempt) => Promise<Permit | Refusal>;

/** Whether it was refused, by the guard or on the way to it. */
export function isRefusal(outcome: Permit | Attempt | Refusal): outcome is Refusal {
  return 'kind' in outcome;
}

/** What a guard needs. */
export interface GuardOptions {
  readonly client: PolicyClient;
  readonly capabilities: Capabilities;
  /** Carries out the conditions that change what is sent and what comes back. */
  readonly redactor?: Pick<Redactor, 'plan'>;
  /** Whether somebody was stopped while a decision was on its way or carried out. */
  readonly open: Pick<OpenAttempts, 'kills' | 'stops'>;
  readonly refuser: Refuser;
  readonly clock: Clock;
  /**
   * Milliseconds after which an unanswered question is refused whatever the client does. The client's own deadline is
   * far shorter; this one only makes a defect in it end as a denial instead of as a hang.
   */
  readonly backstopMs: number;
}

/** Why nothing passes when the service that knows names is silent. */
export const NAMES_UNKNOWN = 'names had to be taken out of the request, and the service that finds them did not answer';

/** A question that was asked. */
interface Asked {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly digest: string;
}

/** Makes the guard. */
export function createGuard(options: GuardOptions): Guard {
  const { client, capabilities, redactor, open, refuser, clock, backstopMs } = options;
  const stoppedSince = createStoppedSince(open, refuser);

  async function judge(decision: Decision, attempt: Attempt, asked: Asked): Promise<Permit | Refusal> {
    const { request } = attempt;
    const { digest, at } = asked;
    if (!decision.allow || decision.effect !== 'allow') return refuser.decided(decision, request);
    const permit = mintPermit(decision, { ...attempt, digest });
    if (permit === undefined) {
      return refuser.refuse('PDP_REPLY_INVALID', { decision_id: decision.decision_id, request });
    }
    const missing = unsupported(decision, capabilities, attempt.direction);
    let cause = missing.length === 0 ? carryOut(decision, capabilities) : undefined;
    if (missing.length === 0 && cause === undefined) {
      try {
        const redaction = redactor?.plan(decision, attempt);
        if (redaction === undefined) return permit;
        const payload = attempt.payload === undefined ? undefined : await redaction.request(attempt.payload);
        const redacted = mintPermit(decision, { ...attempt, digest, payload, redaction });
        if (redacted !== undefined) return redacted;
      } catch (thrown) {
        cause = thrown;
      }
    }
    client.settle({
      decision_id: permit.decision_id,
      request_digest: permit.request_digest,
      outcome: 'refused',
      duration_ms: Math.max(0, Math.round(clock.monotonic() - at)),
    });
    const what = missing.length === 0 ? 'a condition whose value is not understood' : missing.join(', ');
    return refuser.refuse('OBLIGATION_UNSUPPORTED', {
      message:
        cause instanceof NerFailure ? NAMES_UNKNOWN : `the decision asks for what this sidecar cannot enforce: ${what}`,
      decision_id: decision.decision_id,
      request,
      cause,
    });
  }

  return async (attempt) => {
    try {
      const asked = { at: clock.monotonic(), digest: digestOf(attempt.request) };
      // From before the question: a decision on its way may be older than the kill that overtakes it.
      const { kills } = open;
      const asking = client.ask(attempt.request, { digest: asked.digest });
      const answer = 'then' in asking ? await withBackstop(asking, backstopMs) : asking;
      if (answer.kind !== 'decision') return refuser.unanswered(answer.failure, attempt.request);
      const outcome = await judge(answer.decision, attempt, asked);
      if (isRefusal(outcome)) return outcome;
      // While it was asked about, or names were looked for, somebody may have been stopped: perhaps this one.
      const stopped = open.kills === kills ? undefined : await stoppedSince(kills, [attempt.request]);
      if (stopped === undefined) return outcome;
      giveBack(client, outcome);
      return stopped;
    } catch (thrown) {
      return refuser.fault(thrown, attempt.request);
    }
  };
}

/** Nothing for a request without a canonical form, about which nobody can be asked. */
function digestOf(request: CanonicalRequest): string {
  try {
    return requestDigestHex(request);
  } catch {
    return '';
  }
}

/** Carries out every condition; what it returns is why one could not be. */
function carryOut(decision: Decision, capabilities: Capabilities): unknown {
  try {
    for (const condition of decision.conditions) capabilities[condition.type]?.(condition, decision);
    return undefined;
  } catch (thrown) {
    return thrown ?? new TypeError('a condition could not be carried out');
  }
}
