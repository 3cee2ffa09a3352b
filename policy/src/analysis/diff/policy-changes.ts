import type { CompiledBundle, ConditionIr, LeafIr, RuleIr, SetIr } from '../../engine/ir.js';

/** What of a policy is different. */
export const POLICY_ASPECTS = ['condition', 'scope', 'effect', 'priority', 'quota', 'order', 'set'] as const;
/** See {@link POLICY_ASPECTS}. */
export type PolicyAspect = (typeof POLICY_ASPECTS)[number];

/** A policy that is not in both bundles, or not the same in both. */
export interface PolicyChange {
  readonly policy: string;
  readonly set: string;
  readonly layer: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** What is different, of a policy in both; `set`: how its set combines. */
  readonly aspects: readonly PolicyAspect[];
  readonly file: string;
  readonly line: number;
}

/** A change with the rules it is about. */
export interface RuleChange extends PolicyChange {
  readonly before: RuleIr | undefined;
  readonly after: RuleIr | undefined;
}

/** What two bundles say differently, policy by policy. What only people read (names, comments, places) does not count. */
export function ruleChanges(before: CompiledBundle, after: CompiledBundle): readonly RuleChange[] {
  const keys = new Set([...before.sets, ...after.sets].map(setKey));
  return [...keys].flatMap((key) => changesOfSet(setOf(before, key), setOf(after, key)));
}

function setKey(set: SetIr): string {
  return `${set.layer}/${set.name}`;
}

function setOf(bundle: CompiledBundle, key: string): SetIr | undefined {
  return bundle.sets.find((set) => setKey(set) === key);
}

function changesOfSet(before: SetIr | undefined, after: SetIr | undefined): readonly RuleChange[] {
  const { name = '', layer = '' } = after ?? before ?? {};
  const combines = before?.combining !== after?.combining || before?.priorityOrder !== after?.priorityOrder;
  const old = new Map(before?.rules.map((rule) => [rule.id, rule]));
  const current = new Map(after?.rules.map((rule) => [rule.id, rule]));
  const moved = movedRules(
    [...old.keys()].filter((id) => current.has(id)),
    [...current.keys()].filter((id) => old.has(id)),
  );
  return [...new Set([...old.keys(), ...current.keys()])].flatMap((id): readonly RuleChange[] => {
    const [one, other] = [old.get(id), current.get(id)];
    const { file, line } = (other ?? one) as RuleIr;
    const place = { policy: id, set: name, layer, file, line, before: one, after: other };
    if (one === undefined) return [{ ...place, change: 'added', aspects: [] }];
    if (other === undefined) return [{ ...place, change: 'removed', aspects: [] }];
    const aspects = aspectsOf(one, other, { moved: moved.has(id), combines });
    return aspects.length === 0 ? [] : [{ ...place, change: 'changed', aspects }];
  });
}

function aspectsOf(
  before: RuleIr,
  after: RuleIr,
  { moved, combines }: { readonly moved: boolean; readonly combines: boolean },
): readonly PolicyAspect[] {
  const differs = (of: (rule: RuleIr) => unknown): boolean => JSON.stringify(of(before)) !== JSON.stringify(of(after));
  const found: readonly (readonly [PolicyAspect, boolean])[] = [
    ['condition', differs((rule) => plain(rule.when))],
    ['scope', differs((rule) => rule.scope.map(plain))],
    ['effect', differs((rule) => rule.effect)],
    ['priority', differs((rule) => rule.priority)],
    ['quota', differs((rule) => rule.guard ?? null)],
    ['order', moved],
    ['set', combines],
  ];
  return found.filter(([, is]) => is).map(([aspect]) => aspect);
}

/** A condition without where it is written. */
function plain(condition: ConditionIr): unknown {
  if (condition.node !== 'leaf') return [condition.node, ...condition.of.map(plain)];
  const { field, operator, negated, literal, whenMissing, quantifiers }: LeafIr = condition;
  return [field, operator, negated, literal, whenMissing, quantifiers ?? null];
}

/** The rules that come before another one now and after it then, or the other way round. */
function movedRules(before: readonly string[], after: readonly string[]): ReadonlySet<string> {
  const places = new Map(after.map((id, index) => [id, index]));
  const order = before.map((id) => places.get(id) ?? 0);
  const moved = new Set<string>();
  // What stays is the longest run in order; what is not in it has moved.
  const kept = new Set(longestAscending(order));
  for (const [index, id] of before.entries()) if (!kept.has(order[index] ?? 0)) moved.add(id);
  return moved;
}

function longestAscending(values: readonly number[]): readonly number[] {
  const tails: number[] = [];
  const previous: number[] = [];
  for (const [index, value] of values.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[tails[middle] ?? 0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    previous[index] = tails[low - 1] ?? -1;
    tails[low] = index;
  }
  const found: number[] = [];
  for (let index = tails.at(-1) ?? -1; index !== -1; index = previous[index] ?? -1) found.unshift(values[index] ?? 0);
  return found;
}
