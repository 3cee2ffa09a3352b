/**
 * Tuple-space grouping: rules that constrain the same dimensions are one group, looked up by one hash per combination
 * of the request's keys. What is decided here is only which of a rule's constraints its group uses; using fewer of them
 * is always sound.
 */

import { dimensionOf, takeCensus } from './census.js';
import type { Constraint, Constraints } from './constraint.js';
import { type DimensionData, listKey } from './dimension.js';

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
/** Rules between two pauses; some tenths of a millisecond. */
const SLICE = 512;

/** One dimension by which a rule is found. */
export interface PlannedPart {
  /** Its place in {@link IndexPlan.dimensions}. */
  readonly dimension: number;
  readonly keys: readonly number[];
}

/** The dimensions by which a rule is found, ascending; none: it is always a candidate. */
export type PlannedParts = readonly PlannedPart[];

/** Where each rule goes. */
export interface IndexPlan {
  readonly dimensions: readonly DimensionData[];
  /** For each rule. */
  readonly parts: readonly PlannedParts[];
}

/** Plans the index of rules, given by their constraints; pauses at each `yield`. */
export function* planIndex(rules: readonly Constraints[]): Generator<void, IndexPlan> {
  const census = yield* takeCensus(rules);
  // The dimensions of most rules first: one that rules out its groups saves the reading of the others.
  const chosen = [...census]
    .filter(([, one]) => one.rules >= MIN_RULES_PER_DIMENSION)
    .sort(([nameA, a], [nameB, b]) => b.rules - a.rules || (nameA < nameB ? -1 : 1))
    .slice(0, MAX_DIMENSIONS);
  const variety = chosen.map(([, one]) => one.variety);
  const dimensions: DimensionData[] = [];
  const partOf = new Map<Constraint, PlannedPart>();
  for (const [dimension, [, one]] of chosen.entries()) {
    const data = yield* dimensionOf(one);
    dimensions.push(data);
    for (const constraint of one.constraints) {
      const isWhole = constraint.keys.length !== 1 && data.lists !== undefined;
      partOf.set(constraint, { dimension, keys: isWhole ? [listKey(constraint.keys)] : constraint.keys });
    }
  }

  const shrink = createShrinker(variety);
  const parts: PlannedParts[] = [];
  const sizes = new Map<number, number>();
  for (const [number, constraints] of rules.entries()) {
    if (number % SLICE === SLICE - 1) yield;
    const all: PlannedPart[] = [];
    for (const constraint of constraints) {
      const part = partOf.get(constraint);
      if (part !== undefined) all.push(part);
    }
    const own = shrink(isAscending(all) ? all : all.sort((a, b) => a.dimension - b.dimension));
    parts.push(own);
    const signature = signatureOf(own);
    sizes.set(signature, (sizes.get(signature) ?? 0) + 1);
  }
  if (sizes.size <= MAX_SIGNATURES) return { dimensions, parts };
  return { dimensions, parts: parts.map(createCoarsener(sizes, variety)) };
}

function isAscending(parts: PlannedParts): boolean {
  for (let at = 1; at < parts.length; at += 1) {
    if ((parts[at - 1]?.dimension ?? 0) > (parts[at]?.dimension ?? 0)) return false;
  }
  return true;
}

/** The dimensions of a group, as a mask of their places. */
export function signatureOf(parts: PlannedParts): number {
  let mask = 0;
  for (const { dimension } of parts) mask |= 1 << dimension;
  return mask;
}

/** Bounds under how many combinations of keys a rule is found, by giving up the dimensions that tell least. */
function createShrinker(variety: readonly number[]): (parts: PlannedParts) => PlannedParts {
  let listed = 0;
  // The share of a dimension's keys that the rule accepts.
  const share = ({ dimension, keys }: PlannedPart): number => keys.length / (variety[dimension] ?? 1);
  return (all) => {
    if (productOf(all) <= MAX_KEYS_PER_RULE) return all;
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

/** Moves the rules of rare signatures to a frequent one inside theirs, else to their most telling dimension alone. */
function createCoarsener(
  sizes: ReadonlyMap<number, number>,
  variety: readonly number[],
): (parts: PlannedParts) => PlannedParts {
  const kept = [...sizes]
    .sort(([a, sizeA], [b, sizeB]) => sizeB - sizeA || a - b)
    .slice(0, MAX_SIGNATURES)
    .map(([signature]) => signature);
  const isKept = new Set(kept);
  const worth = (signature: number): number =>
    variety.reduce((sum, keys, place) => ((signature >>> place) & 1 ? sum + Math.log(1 + keys) : sum), 0);
  const choose = (own: number): number => {
    const inside = kept.filter((other) => (other & ~own) === 0);
    const alone = variety.map((_, place) => 1 << place).filter((one) => (one & own) !== 0);
    return [...inside, ...alone].reduce((best, other) => (worth(other) > worth(best) ? other : best), 0);
  };
  const chosen = new Map<number, number>();
  return (parts) => {
    const signature = signatureOf(parts);
    if (isKept.has(signature)) return parts;
    const use = chosen.get(signature) ?? choose(signature);
    chosen.set(signature, use);
    return parts.filter(({ dimension }) => ((use >>> dimension) & 1) === 1);
  };
}

function productOf(parts: PlannedParts): number {
  let product = 1;
  for (const { keys } of parts) product *= keys.length;
  return product;
}
