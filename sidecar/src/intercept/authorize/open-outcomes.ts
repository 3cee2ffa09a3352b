/** Allowed attempts whose outcome the program has yet to tell: found by decision, or by the program's own name for it. */

import type { Source } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { Permit } from '../../enforce/permit.js';

/** An attempt that was allowed. */
export interface OpenOutcome {
  readonly permit: Permit;
  readonly source: Source;
  /** When it was allowed, {@link Clock.monotonic} milliseconds. */
  readonly since: number;
}

/** How a program calls an attempt: names are its own, so they count within one session only. */
export interface Correlation {
  readonly session: string | undefined;
  readonly id: string;
}

/** Those that are open. */
export interface OpenOutcomes {
  /** Keeps it; the oldest goes when there is no room. Its lease then returns by itself. */
  add(open: OpenOutcome, correlation: Correlation | undefined): void;
  /** Takes it out: an outcome is told once. */
  takeDecision(decisionId: string): OpenOutcome | undefined;
  /** The same by the program's name. */
  takeCorrelated(correlation: Correlation): OpenOutcome | undefined;
}

/** None yet. */
export function createOpenOutcomes(options: {
  readonly max: number;
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, 'monotonic'>;
}): OpenOutcomes {
  const { max, timeoutMs, clock } = options;
  const byDecision = new Map<string, OpenOutcome & { readonly name: string | undefined }>();
  const byName = new Map<string, string>();

  function remove(decisionId: string): OpenOutcome | undefined {
    const open = byDecision.get(decisionId);
    if (open === undefined) return undefined;
    byDecision.delete(decisionId);
    if (open.name !== undefined && byName.get(open.name) === decisionId) byName.delete(open.name);
    return clock.monotonic() - open.since > timeoutMs ? undefined : open;
  }

  return {
    add(open, correlation) {
      const name = correlation === undefined ? undefined : nameOf(correlation);
      // The map is in the order of arrival: the first is the oldest.
      for (const oldest of byDecision.keys()) {
        if (byDecision.size < max) break;
        remove(oldest);
      }
      byDecision.set(open.permit.decision_id, { ...open, name });
      if (name !== undefined) byName.set(name, open.permit.decision_id);
    },
    takeDecision: remove,
    takeCorrelated(correlation) {
      const decision = byName.get(nameOf(correlation));
      return decision === undefined ? undefined : remove(decision);
    },
  };
}

function nameOf({ session, id }: Correlation): string {
  return JSON.stringify([session ?? null, id]);
}
