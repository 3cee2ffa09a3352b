/**
 * Tuple-space grouping: rules that constrain the same dimensions are one group, looked up by one hash per combination
 * of the request's keys. What is decided here is only which of a rule's constraints its group uses; using fewer of them
 * is always sound.
 */

import type { Constraint, Constraints } from './constraint.js';
import { type DimensionData, type ListedKeys, listKey } from './dimension.js';
import { buildIntSet, buildPostingTable, createPairList } from './int-table.js';

/** A dimension has a bit in a mask that fits a small integer. */
const MAX_DIMENSIONS = 30;
/** Looking at a field for the sake of one rule costs what evaluating the rule costs. */
const MIN_RULES_PER_DIMENSION = 2;
/** Groups that keep their signature; the rules of others move to coarser ones. Bounds the look-ups per request. */
const MAX_SIGNATURES = 32;
/** Combinations of keys under which one rule is found. */
const MAX_KEYS_PER_RULE = 64;
/** Keys, all together, of rules that are found only by a longer list than that, such as a block list. */
const MAX_LISTED_KEYS = 4_000_000;
/** Lists that one key may be in for its dimension to tell lists apart as wholes. */
const MAX_LISTS_PER_KEY = 6;
/** Rules between two pauses; some tenths of a millisecond. */
const SLICE = 256;

/** One dimension by which a rule is found. */
export interface PlannedPart {
  /** Its place in {@link IndexPlan.dimensions}. */
  readonly dimension: number;
  readonly keys: readonly number[];
}

/** Where each rule goes. */
export interface IndexPlan {
  readonly dimensions: readonly DimensionData[];
  /** For each rule, the dimensions that its group uses, ascending; none: the rule is always a candidate. */
  readonly parts: readonly (readonly PlannedPart[])[];
}

/** What is known of a dimension once every rule was seen. */
interface Census {
  readonly sample: Constraint;
  rules: number;
  maxLength: number;
  readonly keys: Set<number>;
  readonly widths: Set<number>;
  /** Lists of several keys, by their own key; two lists of one key are united, which is sound. */
  readonly lists: Map<number, Set<number>>;
  /** Keys that stand alone. */
  readonly single: Set<number>;
}

/** Plans the index of rules, given by their constraints; pauses at each `yield`. */
export function* planIndex(rules: readonly Constraints[]): Generator<void, IndexPlan> {
  const found = new Map<string, Census>();
  for (const [number, constraints] of rules.entries()) {
    if (number % SLICE === SLICE - 1) yield;
    for (const [name, constraint] of constraints) count(found, name, constraint);
  }
  // The dimensions of most rules first: one that rules out its groups saves the reading of the others.
  const chosen = [...found]
    .filter(([, census]) => census.rules >= MIN_RULES_PER_DIMENSION)
    .sort(([nameA, a], [nameB, b]) => b.rules - a.rules || (nameA < nameB ? -1 : 1))
    .slice(0, MAX_DIMENSIONS);
  const names = chosen.map(([name]) => name);
  const distinct = chosen.map(([, census]) => census.keys.size);
  const dimensions: DimensionData[] = [];
  for (const [, census] of chosen) dimensions.push(yield* dimensionOf(census));

  const shrink = createShrinker(distinct);
  const parts: (readonly PlannedPart[])[] = [];
  const sizes = new Map<string, number>();
  for (const [number, constraints] of rules.entries()) {
    if (number % SLICE === SLICE - 1) yield;
    const all: PlannedPart[] = [];
    for (const [dimension, name] of names.entries()) {
      const constraint = constraints.get(name);
      if (constraint === undefined) continue;
      const whole = dimensions[dimension]?.lists !== undefined;
      all.push({ dimension, keys: whole ? [listKey(constraint.keys)] : constraint.keys });
    }
    const own = shrink(all);
    parts.push(own);
    const signature = signatureOf(own);
    sizes.set(signature, (sizes.get(signature) ?? 0) + 1);
  }
  const coarsen = sizes.size > MAX_SIGNATURES ? createCoarsener(sizes, distinct) : undefined;
  return { dimensions, parts: coarsen === undefined ? parts : parts.map(coarsen) };
}

function count(found: Map<string, Census>, name: string, constraint: Constraint): void {
  let census = found.get(name);
  if (census === undefined) {
    census = {
      sample: constraint,
      rules: 0,
      maxLength: 0,
      keys: new Set(),
      widths: new Set(),
      lists: new Map(),
      single: new Set(),
    };
    found.set(name, census);
  }
  census.rules += 1;
  census.maxLength = Math.max(census.maxLength, constraint.maxLength);
  for (const key of constraint.keys) census.keys.add(key);
  for (const width of constraint.widths) census.widths.add(width);
  const whole = listKey(constraint.keys);
  if (constraint.keys.length === 1) {
    census.single.add(whole);
    return;
  }
  const list = census.lists.get(whole) ?? new Set();
  census.lists.set(whole, list);
  for (const key of constraint.keys) list.add(key);
}

function* dimensionOf(census: Census): Generator<void, DimensionData> {
  const { field, kind } = census.sample;
  const known = kind === 'equals' ? undefined : buildIntSet(census.keys);
  const widths = [...census.widths].sort((a, b) => a - b);
  return { field, kind, maxLength: census.maxLength, widths, known, lists: yield* listsOf(census) };
}

/** Lists are told apart as wholes when there are some, and few that share a key. */
function* listsOf({ lists, single }: Census): Generator<void, ListedKeys | undefined> {
  if (lists.size === 0) return undefined;
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
  return { of: yield* buildPostingTable(pairs), single: buildIntSet(single) };
}

/** Bounds under how many combinations of keys a rule is found, by giving up the dimensions that tell least. */
function createShrinker(distinct: readonly number[]): (parts: readonly PlannedPart[]) => readonly PlannedPart[] {
  let listed = 0;
  // The share of a dimension's keys that the rule accepts.
  const share = ({ dimension, keys }: PlannedPart): number => keys.length / (distinct[dimension] ?? 1);
  return (all) => {
    const parts = [...all];
    while (parts.length > 1 && productOf(parts) > MAX_KEYS_PER_RULE) {
      const wide = parts.filter(({ keys }) => keys.length > 1);
      const worst = wide.reduce((a, b) => (share(b) > share(a) ? b : a));
      parts.splice(parts.indexOf(worst), 1);
    }
    const product = productOf(parts);
    if (product <= MAX_KEYS_PER_RULE) return parts;
    listed += product;
    return listed > MAX_LISTED_KEYS ? [] : parts;
  };
}

/** Moves the rules of rare signatures to a frequent one inside theirs, else to their most selective dimension alone. */
function createCoarsener(
  sizes: ReadonlyMap<string, number>,
  distinct: readonly number[],
): (parts: readonly PlannedPart[]) => readonly PlannedPart[] {
  const frequent = [...sizes]
    .sort(([a, sizeA], [b, sizeB]) => sizeB - sizeA || (a < b ? -1 : 1))
    .slice(0, MAX_SIGNATURES)
    .map(([signature]) => signature);
  const kept = new Set(frequent);
  const keptDimensions = frequent.map((signature) => signature.split(',').filter(Boolean).map(Number));
  const worth = (some: readonly number[]): number =>
    some.reduce((sum, dimension) => sum + Math.log(1 + (distinct[dimension] ?? 0)), 0);
  const choose = (own: readonly number[]): ReadonlySet<number> => {
    const inside = keptDimensions.filter((other) => other.every((dimension) => own.includes(dimension)));
    const alone = own.map((dimension) => [dimension]);
    return new Set([...inside, ...alone].reduce((best, other) => (worth(other) > worth(best) ? other : best), []));
  };
  const chosen = new Map<string, ReadonlySet<number>>();
  return (parts) => {
    const signature = signatureOf(parts);
    if (kept.has(signature)) return parts;
    const use = chosen.get(signature) ?? choose(parts.map(({ dimension }) => dimension));
    chosen.set(signature, use);
    return parts.filter(({ dimension }) => use.has(dimension));
  };
}

function signatureOf(parts: readonly PlannedPart[]): string {
  return parts.map(({ dimension }) => dimension).join(',');
}

function productOf(parts: readonly PlannedPart[]): number {
  return parts.reduce((product, { keys }) => product * keys.length, 1);
}
