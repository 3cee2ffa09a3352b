/** What the rules of a bundle ask of each dimension, all together. */

import type { Constraint, Constraints } from './constraint.js';
import { type DimensionData, type DimensionKind, type ListedKeys, listKey } from './dimension.js';
import { buildIntSet, buildPostingTable, createPairList } from './int-table.js';

/** One dimension. */
export interface DimensionCensus {
  readonly field: string;
  readonly kind: DimensionKind;
  /** The distinct constraints on it. */
  readonly constraints: readonly Constraint[];
  /** Rules that it constrains. */
  readonly rules: number;
  /** About how many keys there are: a dimension of many is worth more than one of few. */
  readonly variety: number;
}

/** Counted up to here; beyond, a dimension is worth as much as any. */
const MAX_VARIETY = 4096;
/** Lists that one key may be in for its dimension to tell lists apart as wholes. */
const MAX_LISTS_PER_KEY = 6;
/** Steps between two pauses; some tenths of a millisecond. */
const SLICE = 1024;

/** Counts, by the dimension's name; pauses at each `yield`. */
export function* takeCensus(rules: readonly Constraints[]): Generator<void, ReadonlyMap<string, DimensionCensus>> {
  const uses = new Map<Constraint, number>();
  for (const [number, constraints] of rules.entries()) {
    if (number % SLICE === SLICE - 1) yield;
    for (const constraint of constraints) uses.set(constraint, (uses.get(constraint) ?? 0) + 1);
  }
  const census = new Map<string, DimensionCensus>();
  for (const [name, constraints] of Map.groupBy(uses.keys(), (constraint) => constraint.name)) {
    yield;
    const [{ field, kind } = { field: '', kind: 'equals' as const }] = constraints;
    const keys = new Set<number>();
    let counted = 0;
    for (const constraint of constraints) {
      counted += uses.get(constraint) ?? 0;
      if (keys.size < MAX_VARIETY) for (const key of constraint.keys) keys.add(key);
    }
    census.set(name, { field, kind, constraints, rules: counted, variety: keys.size });
  }
  return census;
}

/** The dimension of a census. */
export function* dimensionOf({ field, kind, constraints }: DimensionCensus): Generator<void, DimensionData> {
  let maxLength = 0;
  const widths = new Set<number>();
  for (const constraint of constraints) {
    maxLength = Math.max(maxLength, constraint.maxLength);
    for (const width of constraint.widths) widths.add(width);
  }
  yield;
  const known = kind === 'equals' ? undefined : buildIntSet(constraints.flatMap(({ keys }) => keys));
  yield;
  const lists = yield* listsOf(constraints);
  return { field, kind, maxLength, widths: [...widths].sort((a, b) => a - b), known, lists };
}

/** Lists are told apart as wholes when there are some, and few that share a key. */
function* listsOf(constraints: readonly Constraint[]): Generator<void, ListedKeys | undefined> {
  // Two lists of one key are united, which is sound.
  const lists = new Map<number, Set<number>>();
  for (const { keys } of constraints) {
    if (keys.length === 1) continue;
    const whole = listKey(keys);
    const list = lists.get(whole) ?? new Set();
    lists.set(whole, list);
    for (const key of keys) list.add(key);
  }
  if (lists.size === 0) return undefined;
  yield;
  const listsPerKey = new Map<number, number>();
  const pairs = createPairList();
  for (const [whole, keys] of lists) {
    for (const key of keys) {
      const before = listsPerKey.get(key) ?? 0;
      if (before === MAX_LISTS_PER_KEY) return undefined;
      listsPerKey.set(key, before + 1);
      pairs.add(key, whole);
      if (pairs.length % SLICE === 0) yield;
    }
  }
  const single = buildIntSet(constraints.filter(({ keys }) => keys.length === 1).flatMap(({ keys }) => keys));
  return { of: yield* buildPostingTable(pairs, false), single };
}
