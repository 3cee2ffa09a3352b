import type { ContextualRequest } from '../../model/facts.js';
import { type Claim, every, not, some } from '../claim.js';
import { isAllow, isBlocking, outranks, type RuleView } from '../rule-claims.js';
import type { Solver } from '../solver.js';

const MAX_COVERING = 24;
const MAX_LIFTING = 32;

/**
 * The rules of other sets that stop everything an allow allows; nothing when some request gets through, or when that is
 * not known. `stopped` is a request that the allow matches and the bundle does not allow.
 */
export function overruledBy(
  view: RuleView,
  sets: readonly (readonly RuleView[])[],
  { stopped, solver }: { readonly stopped: ContextualRequest; readonly solver: Solver },
): readonly RuleView[] | undefined {
  const blockers = sets
    .filter((views) => views[0]?.set !== view.set)
    .flatMap((views) => views.flatMap((other, index) => (isBlocking(other.rule) ? [{ other, views, index }] : [])));
  const covering: { readonly view: RuleView; readonly clear: Claim }[] = [];
  let request = stopped;
  for (let round = 0; round < MAX_COVERING; round += 1) {
    const standing = blockers.find(
      ({ other }) => !covering.some((one) => one.view === other) && solver.holds(other.matters, request),
    );
    if (standing === undefined) return undefined;
    const clear = clearOf(standing.other, standing.views, standing.index);
    if (clear === undefined || solver.holds(clear, request)) return undefined;
    covering.push({ view: standing.other, clear });
    const asked = solver.ask(every(view.holds, ...covering.map((one) => one.clear)));
    if (asked.answer === 'no') return covering.map((one) => one.view);
    if (asked.answer === 'unknown') return undefined;
    request = asked.request;
  }
  return undefined;
}

/** That a blocking rule does not stop the request: it says nothing, or its own set lets another rule speak instead. */
function clearOf(blocker: RuleView, views: readonly RuleView[], index: number): Claim | undefined {
  const instead =
    blocker.set.combining === 'deny_overrides'
      ? views
          .filter((one) => isAllow(one.rule) && outranks(one.rule, blocker.rule, blocker.set))
          .map((one) => one.holds)
      : views
          .slice(0, index)
          .flatMap((one) => (one.decides === undefined || isBlocking(one.rule) ? [] : [one.decides]));
  return instead.length > MAX_LIFTING ? undefined : some(not(blocker.matters), ...instead);
}
