import type { DecisionEffect, Verdict } from '../../model/decision.js';

/** How an answer changed. `terms`: the effect is the same, and what must be done along with it is not. */
export type VerdictChange = `${DecisionEffect}_to_${DecisionEffect}` | 'terms';

/** How two verdicts on one request differ in what a caller has to do; nothing when they do not. */
export function verdictChange(before: Verdict, after: Verdict): VerdictChange | undefined {
  if (before.effect !== after.effect) return `${before.effect}_to_${after.effect}`;
  // Why something is denied is for people; what an allow or a hold asks for is not.
  if (before.effect === 'deny') return undefined;
  return termsOf(before) === termsOf(after) ? undefined : 'terms';
}

function termsOf({ conditions, obligations, guards }: Verdict): string {
  const sorted = (list: readonly unknown[]): readonly string[] => list.map((one) => JSON.stringify(one)).sort();
  const quotas = guards.map(({ id, kind, limit, window_seconds, burst, outcome, account }) => [
    id,
    kind,
    limit,
    window_seconds ?? null,
    burst ?? null,
    outcome,
    account,
  ]);
  return JSON.stringify([sorted(conditions), sorted(obligations), sorted(quotas)]);
}
