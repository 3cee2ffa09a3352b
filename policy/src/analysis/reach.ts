import type { ContextualRequest } from '../model/facts.js';
import { type Claim, every, not, some } from './claim.js';
import { isAllow, isBlocking, outranks, type RuleView } from './rule-claims.js';
import type { Solver } from './solver.js';

/** Whether a rule ever has a say. */
export type Reach =
  /** For this request it has. */
  | { readonly reached: 'yes'; readonly request: ContextualRequest }
  /** Never: whenever it would take part, one of these has had the last word. */
  | { readonly reached: 'no'; readonly by: readonly RuleView[] }
  /** No request makes its condition hold, whatever the others do. */
  | { readonly reached: 'never' }
  | { readonly reached: 'unknown' };

/** Rules that the proof of one unreachable rule may name. */
const MAX_COVERING = 48;
/** Allows that may lift one denial; beyond, nothing is claimed. */
const MAX_LIFTING = 32;

/**
 * Looks for a request for which a rule has a say in its set. Begins with the rule alone and adds, one witness at a time,
 * the rules that stood in its way, so that a proof names only rules that matter and costs no more than they do.
 */
export function reachOf(view: RuleView, views: readonly RuleView[], solver: Solver): Reach {
  const alone = solver.ask(view.holds);
  if (alone.answer === 'no') return { reached: 'never' };
  const inTheWay = obstacles(view, views, solver);
  const covering: { readonly view: RuleView; readonly clear: Claim }[] = [];
  for (let round = 0; round <= MAX_COVERING; round += 1) {
    const asked = solver.ask(every(view.matters, ...covering.map(({ clear }) => clear)));
    if (asked.answer === 'unknown') return { reached: 'unknown' };
    if (asked.answer === 'no') return { reached: 'no', by: fewest(view, covering, solver) };
    const { request } = asked;
    const next = inTheWay.find((one) => one.stands(request) && !covering.some((known) => known.view === one.view));
    if (next === undefined) return { reached: 'yes', request };
    const clear = next.clear();
    // A rule that was set aside and still stands is one of which too little is known.
    if (clear === undefined || solver.holds(clear, request)) return { reached: 'unknown' };
    covering.push({ view: next.view, clear });
  }
  return { reached: 'unknown' };
}

/** A rule that can keep another one from having a say. */
interface Obstacle {
  readonly view: RuleView;
  /** Whether it does so for this request. */
  readonly stands: (request: ContextualRequest) => boolean;
  /** That it does not; nothing when that cannot be said within bounds. */
  readonly clear: () => Claim | undefined;
}

function obstacles(view: RuleView, views: readonly RuleView[], solver: Solver): readonly Obstacle[] {
  const { rule, set } = view;
  const plain = (other: RuleView, stands: Claim): Obstacle => ({
    view: other,
    stands: (request) => solver.holds(stands, request),
    clear: () => not(stands),
  });
  if (set.combining !== 'deny_overrides') {
    const earlier = views.slice(0, views.indexOf(view));
    return earlier.flatMap((other) => (other.decides === undefined ? [] : [plain(other, other.decides)]));
  }
  if (isBlocking(rule)) {
    const lifting = views.filter((other) => isAllow(other.rule) && outranks(other.rule, rule, set));
    return lifting.map((other) => plain(other, other.holds));
  }
  if (!isAllow(rule) || rule.guard !== undefined) return [];
  const blocking = views.filter((other) => !isAllow(other.rule) && canBlock(other) && !outranks(rule, other.rule, set));
  return blocking.map((other): Obstacle => {
    const blocks = isBlocking(other.rule) ? other.matters : errs(other);
    const lifting = (): readonly RuleView[] =>
      views.filter((one) => isAllow(one.rule) && outranks(one.rule, other.rule, set));
    return {
      view: other,
      stands: (request) =>
        solver.holds(blocks, request) && !lifting().some(({ holds }) => solver.holds(holds, request)),
      clear: () => {
        // Of the allows that could lift it, those that never meet it in a request of this rule do not matter.
        const meeting = lifting().filter((one) => solver.ask(every(view.holds, blocks, one.holds)).answer !== 'no');
        return meeting.length > MAX_LIFTING ? undefined : some(not(blocks), ...meeting.map(({ holds }) => holds));
      },
    };
  });
}

function canBlock({ matters, holds }: RuleView): boolean {
  return matters.claims === 'truth' && holds.claims === 'truth' && matters.among !== holds.among;
}

/** A rule that only blocks by erring: a redaction, or a quota. */
function errs({ matters, holds }: RuleView): Claim {
  return every(matters, not(holds));
}

/** One rule that covers alone, when there is one. */
function fewest(
  view: RuleView,
  covering: readonly { readonly view: RuleView; readonly clear: Claim }[],
  solver: Solver,
): readonly RuleView[] {
  const alone = covering.find(({ clear }) => solver.ask(every(view.matters, clear)).answer === 'no');
  return alone === undefined ? covering.map((one) => one.view) : [alone.view];
}
