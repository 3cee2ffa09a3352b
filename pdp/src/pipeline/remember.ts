/** Last thing before a decision is written down: sessions that policies read get to know of the attempt. */

import type { Decision } from '@portcullis/policy/model';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { byDeadline } from './by-deadline.js';
import { type Progress, refusal } from './decision.js';
import { isListing } from './listing.js';
import type { AttemptRecorder, Recorded } from './ports.js';

/** What it needs. */
export interface RememberParts {
  readonly recorder?: AttemptRecorder | undefined;
  readonly clock: Clock;
  readonly engine: string;
  readonly onDefect: (error: PortcullisError) => void;
}

const LATE: Recorded = { ok: false, message: 'the attempt was not recorded in its session in time' };
const FAILED: Recorded = { ok: false, message: 'recording the attempt failed inside the PDP' };

/**
 * The decision to answer: that of the verdict with what the recorder adds, or a denial. At once where nothing has to be
 * known; only an allow is waited for, because a denial that a session misses makes nothing possible. What is recorded is
 * never for a PEP to keep: an equal request is another attempt.
 */
export function remember(
  parts: RememberParts,
  decision: Decision,
  { progress, isApproved }: { readonly progress: Progress; readonly isApproved: boolean },
  deadline: number,
): Decision | Promise<Decision> {
  const { recorder, clock, engine } = parts;
  const { question, snapshot } = progress;
  if (recorder === undefined || question === undefined || snapshot === undefined) return decision;
  // Whether something may be shown was asked; nothing was attempted.
  if (isListing(question.request)) return decision;
  if (!recorder.records(question, snapshot)) return decision;
  const recorded = recorder
    .record(question, snapshot, { effect: decision.effect, isApproved })
    .catch((error: unknown) => {
      parts.onDefect(PortcullisError.from(error));
      return FAILED;
    });
  const once: Decision = { ...decision, cache: { ttl_seconds: 0, scope: '' } };
  if (!decision.allow) return once;
  return byDeadline(recorded, deadline - clock.monotonic()).then((said = LATE) => {
    if (said.ok) return { ...once, obligations: [...once.obligations, ...said.obligations] };
    const frame = { decisionId: decision.decision_id, progress, engine, evaluationMs: decision.meta.evaluation_ms };
    return refusal(frame, { code: 'POLICY_ERROR', message: said.message, path: 'context.session_id' });
  });
}
