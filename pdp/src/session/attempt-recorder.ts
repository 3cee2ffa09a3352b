/** Writes decided attempts into their session, so that the next question of the session is decided with them. */

import { REPORT_RESULT } from '@portcullis/policy/model';
import type { AttemptRecorder, Recorded } from '../pipeline/ports.js';
import { readsRisk } from '../pipeline/risk.js';
import type { SessionParts } from './context-source.js';
import { bringsNothing, canReport, isRecorded, readsResults, readsSession, sessionOf } from './naming.js';
import { outlineOf } from './outline.js';
import { attemptName, hasSeen, withAttempt } from './record.js';

/** What a recorder needs. */
export interface RecorderParts extends SessionParts {
  /** What a PEP may report of one result, in bytes. */
  readonly maxResultBytes: number;
  /** Whether the risk of an attempt is judged by what its session did. */
  readonly riskLooksBack: boolean;
}

/** What a bundle looks at of what a session did: by its rules, and through the risk. */
interface Reading {
  readonly session: boolean;
  readonly past: boolean;
}

const UNNAMED: Recorded = {
  ok: false,
  message: 'the policies read what the session has done, and the request names no session',
};
const TOO_LARGE: Recorded = {
  ok: false,
  message: 'the attempt is too large for its result to be judged by',
};
const LOST: Recorded = { ok: false, message: 'the attempt could not be recorded in its session' };
const NOTHING: Recorded = { ok: true, obligations: [] };

/**
 * Records attempts under bundles that read the session. Of an allowed attempt whose PEP cannot say what came back, it is
 * taken for granted that something did: its labels count from then on, and its values are of unknown origin.
 */
export function createAttemptRecorder(parts: RecorderParts): AttemptRecorder {
  const { sessions, model, sealer, annotationsOf, unnamed, observer, clock, maxResultBytes, riskLooksBack } = parts;
  const judgesByPast = (factsNeeded: readonly string[]): boolean => riskLooksBack && readsRisk(factsNeeded);
  /** What a bundle reads is one list for as long as it is served, and every decision asks. */
  const known = new WeakMap<readonly string[], Reading>();
  const readingOf = (factsNeeded: readonly string[]): Reading => {
    const before = known.get(factsNeeded);
    if (before !== undefined) return before;
    const reading = { session: readsSession(factsNeeded), past: judgesByPast(factsNeeded) };
    known.set(factsNeeded, reading);
    return reading;
  };
  return {
    records: ({ request }, { engine: { factsNeeded } }) => {
      if (!isRecorded(request)) return false;
      const reads = readingOf(factsNeeded);
      if (reads.session) return true;
      // Risk is judged without a past where there is none.
      return reads.past && sessionOf(request, unnamed) !== undefined;
    },
    record: async ({ request, digest }, { engine: { factsNeeded } }, { effect, isApproved }) => {
      const key = sessionOf(request, unnamed);
      if (key === undefined) {
        observer.sessionRecorded('unnamed', 0);
        return UNNAMED;
      }
      const isAllowed = effect === 'allow';
      const isTelling = readsResults(factsNeeded) || judgesByPast(factsNeeded);
      const awaits = isAllowed && isTelling && canReport(request);
      const outline = awaits ? outlineOf(request) : undefined;
      if (awaits && outline === undefined) {
        observer.sessionRecorded('too_large', 0);
        return TOO_LARGE;
      }
      const sealed = outline === undefined ? undefined : sealer.seal(JSON.stringify(outline));
      const annotations = annotationsOf(request);
      const declared = annotations === undefined ? {} : { annotations };
      const attempt = attemptName(digest);
      const at = new Date(clock.now()).toISOString();
      const startedAt = clock.monotonic();
      const changed = await sessions.apply(key, (record) => {
        if (hasSeen(record, attempt, effect)) return undefined;
        const before =
          isAllowed && isApproved ? model.afterEvent(record.state, { type: 'endorsed', request }) : record.state;
        const attempted = model.afterEvent(before, { type: 'attempted', request, effect, at, ...declared });
        const state =
          isAllowed && !awaits && !bringsNothing(request)
            ? model.afterEvent(attempted, { type: 'resulted', request, result: null, ...declared })
            : attempted;
        return withAttempt(record, attempt, effect, state, sealed);
      });
      const outcome = changed.outcome === 'unknown' ? changed.cause : changed.outcome === 'kept' ? 'kept' : 'repeated';
      observer.sessionRecorded(outcome, (clock.monotonic() - startedAt) / 1000);
      if (changed.outcome === 'unknown') return LOST;
      if (!awaits) return NOTHING;
      return { ok: true, obligations: [{ type: REPORT_RESULT, value: { max_bytes: maxResultBytes } }] };
    },
  };
}
