import { operatorRow } from '../dsl/operators.js';
import type { CanonicalRequest } from '../model/request.js';
import type { ConditionIr, LeafIr, RuleIr } from './ir.js';
import { BROKEN, type FieldReader, MISSING } from './read-field.js';

/**
 * Narrows a request to the rules that can matter. A rule is left out only when one of the leaves that must all hold is
 * surely false: a positive equality whose field is missing, or is a text that is not among the leaf's. A field of the
 * wrong type makes the leaf an error, so it never leaves a rule out. Since a false leaf makes its `and` false even
 * beside an error, leaving the rule out is exactly its value.
 */
export interface RuleIndex {
  /** Fills `candidates` with one bit per rule, in the order of the rules given; bit 0 of word 0 is the first. */
  readonly narrow: (request: CanonicalRequest, candidates: Uint32Array) => void;
  /** Words of a candidate set. */
  readonly words: number;
  /** The fields it reads. */
  readonly fields: readonly string[];
}

interface Dimension {
  readonly read: FieldReader;
  /** Rules that do not constrain the field. */
  readonly any: Uint32Array;
  /** For each text, the rules that accept it: a full row while rows are small, else the rules' numbers. */
  readonly rows: ReadonlyMap<string, Uint32Array>;
  readonly postings: ReadonlyMap<string, readonly number[]>;
}

/** A field that fewer rules constrain is not worth a look-up. */
const MIN_CONSTRAINED = 2;
/** Look-ups per request are bounded; the fields that most rules constrain are taken. */
const MAX_DIMENSIONS = 8;
/** Bits that the rows of one dimension may take in all (8 MiB); beyond, postings are kept instead. */
const MAX_ROW_BITS = 64 * 1024 * 1024;

/** Builds the index over rules in evaluation order. */
export function buildRuleIndex(
  rules: readonly RuleIr[],
  readerOf: (field: string) => FieldReader,
  maxRowBits = MAX_ROW_BITS,
): RuleIndex {
  const words = Math.ceil(rules.length / 32);
  const constraints = new Map<string, Map<number, ReadonlySet<string>>>();
  for (const [number, rule] of rules.entries()) {
    for (const leaf of necessaryLeaves(rule)) {
      const accepted = operatorRow(leaf.operator).mustBe?.(leaf.literal);
      if (accepted === undefined) continue;
      const ofField = constraints.get(leaf.field) ?? new Map<number, ReadonlySet<string>>();
      constraints.set(leaf.field, ofField);
      const earlier = ofField.get(number);
      ofField.set(number, new Set(accepted.filter((text) => earlier === undefined || earlier.has(text))));
    }
  }
  const chosen = [...constraints]
    .filter(([, ofField]) => ofField.size >= MIN_CONSTRAINED)
    .sort(([fieldA, a], [fieldB, b]) => b.size - a.size || (fieldA < fieldB ? -1 : 1))
    .slice(0, MAX_DIMENSIONS);
  const dimensions = chosen.map(([field, ofField]) =>
    buildDimension(readerOf(field), ofField, { count: rules.length, maxRowBits }),
  );
  const full = filled(rules.length, () => true);
  return {
    words,
    fields: chosen.map(([field]) => field),
    narrow(request, candidates) {
      candidates.set(full);
      for (const dimension of dimensions) applyDimension(dimension, request, candidates);
    },
  };
}

/** The leaves that must all be true for the rule to be true. */
function necessaryLeaves(rule: RuleIr): readonly LeafIr[] {
  const leaves: LeafIr[] = [...rule.scope];
  const collect = (condition: ConditionIr): void => {
    if (condition.node === 'leaf') leaves.push(condition);
    else if (condition.node === 'and' || condition.of.length === 1) condition.of.forEach(collect);
  };
  collect(rule.when);
  // A negated leaf is true of most values, and of a missing field in a rule that blocks.
  return leaves.filter((leaf) => !leaf.negated);
}

function buildDimension(
  read: FieldReader,
  ofField: ReadonlyMap<number, ReadonlySet<string>>,
  { count, maxRowBits }: { readonly count: number; readonly maxRowBits: number },
): Dimension {
  const any = filled(count, (number) => !ofField.has(number));
  const postings = new Map<string, number[]>();
  for (const [number, accepted] of ofField) {
    for (const text of accepted) {
      const list = postings.get(text);
      if (list === undefined) postings.set(text, [number]);
      else list.push(number);
    }
  }
  const rows = new Map<string, Uint32Array>();
  if (postings.size * count <= maxRowBits) {
    for (const [text, numbers] of postings) {
      const row = any.slice();
      for (const number of numbers) setBit(row, number);
      rows.set(text, row);
    }
    postings.clear();
  }
  return { read, any, rows, postings };
}

function applyDimension(dimension: Dimension, request: CanonicalRequest, candidates: Uint32Array): void {
  const value = dimension.read(request);
  if (value === BROKEN || (value !== MISSING && typeof value !== 'string')) return;
  if (value === MISSING) {
    intersect(candidates, dimension.any);
    return;
  }
  const row = dimension.rows.get(value);
  if (row !== undefined) {
    intersect(candidates, row);
    return;
  }
  const kept = (dimension.postings.get(value) ?? []).filter((number) => hasBit(candidates, number));
  intersect(candidates, dimension.any);
  for (const number of kept) setBit(candidates, number);
}

function filled(count: number, has: (number: number) => boolean): Uint32Array {
  const bits = new Uint32Array(Math.ceil(count / 32));
  for (let number = 0; number < count; number += 1) if (has(number)) setBit(bits, number);
  return bits;
}

function setBit(bits: Uint32Array, number: number): void {
  const word = number >>> 5;
  bits[word] = ((bits[word] ?? 0) | (1 << (number & 31))) >>> 0;
}

function hasBit(bits: Uint32Array, number: number): boolean {
  return ((bits[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
}

function intersect(target: Uint32Array, other: Uint32Array): void {
  for (let word = 0; word < target.length; word += 1) target[word] = (target[word] ?? 0) & (other[word] ?? 0);
}
