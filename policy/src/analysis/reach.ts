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
  const inTheWay = obstacles(view, views);
  if (inTheWay === undefined) return { reached: 'unknown' };
  const covering: Obstacle[] = [];
  // In a set that overrides, an error of an allow says nothing, and one of a denial denies.
  for (let round = 0; round <= MAX_COVERING; round += 1) {
    const asked = solver.ask(every(view.matters, ...covering.map(({ clear }) => clear)));
    if (asked.answer === 'unknown') return { reached: 'unknown' };
    if (asked.answer === 'no') return { reached: 'no', by: fewest(view, covering, solver).map((one) => one.view) };
    const { request } = asked;
    const next = inTheWay.find((one) => !covering.includes(one) && !solver.holds(one.clear, request));
    if (next === undefined) return { reached: 'yes', request };
    covering.push(next);
  }
  return { reached: 'unknown' };
}

interface Obstacle {
  readonly view: RuleView;
  /** The rule does not stand in the way. */
  readonly clear: Claim;
}

/** What can keep a rule from having a say; nothing when that cannot be said within bounds. */
function obstacles(view: RuleView, views: readonly RuleView[]): readonly Obstacle[] | undefined {
  const { rule, set } = view;
  if (set.combining !== 'deny_overrides') {
    const earlier = views.slice(0, views.indexOf(view));
    return earlier.flatMap((other) => (other.decides === undefined ? [] : [{ view: other, clear: not(other.decides) }]));
  }
  if (isBlocking(rule)) {
    const lifting = views.filter((other) => isAllow(other.rule) && outranks(other.rule, rule, set));
    return lifting.map((other) => ({ view: other, clear: not(other.holds) }));
  }
  if (!isAllow(rule) || rule.guard !== undefined) return [];
  const blocking = views.filter((other) => !isAllow(other.rule) && canBlock(other) && !outranks(rule, other.rule, set));
  const found: Obstacle[] = [];
  for (const other of blocking) {
    const lifting = views.filter((one) => isAllow(one.rule) && outranks(one.rule, other.rule, set));
    if (lifting.length > MAX_LIFTING) return undefined;
    const blocks = isBlocking(other.rule) ? other.matters : errs(other);
    found.push({ view: other, clear: some(not(blocks), ...lifting.map(({ holds }) => holds)) });
  }
  return found;
}

function canBlock({ matters, holds }: RuleView): boolean {
  return matters.claims === 'truth' && holds.claims === 'truth' && matters.among !== holds.among;
}

/** A rule that only blocks by erring: a redaction, or a quota. */
function errs({ matters, holds }: RuleView): Claim {
  return every(matters, not(holds));
}

/** One rule that covers alone, when there is one. */
function fewest(view: RuleView, covering: readonly Obstacle[], solver: Solver): readonly Obstacle[] {
  if (covering.length < 2) return covering;
  const one = covering.find(({ clear }) => solver.ask(every(view.matters, clear)).answer === 'no');
  return one === undefined ? covering : [one];
}
