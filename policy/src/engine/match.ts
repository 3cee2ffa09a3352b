import { type Field, findField } from '../dsl/fields.js';
import { operatorRow } from '../dsl/operators.js';
import { ERROR, FALSE, negate, TRUE, type Truth, truthOf } from '../dsl/truth.js';
import type { CanonicalRequest } from '../model/request.js';
import type { ConditionIr, LeafIr } from './ir.js';
import { BROKEN, type FieldReader, linkReader, MISSING } from './read-field.js';

/** A linked condition. Never throws: a defect inside an operator is an error of the rule. */
export type Test = (request: CanonicalRequest) => Truth;

/** A linked leaf, with what an explanation needs. */
export interface LinkedLeaf {
  readonly leaf: LeafIr;
  readonly field: Field;
  readonly read: FieldReader;
  readonly test: Test;
}

/** A linked condition, both as one function and as its leaves in the author's order. */
export interface LinkedCondition {
  readonly test: Test;
  readonly leaves: readonly LinkedLeaf[];
  /** The leaf an error is blamed on: the first one, in the author's order, that made the condition an error. */
  readonly blame: (request: CanonicalRequest) => LinkedLeaf | undefined;
}

/** Shares what is costly to link (patterns) among the conditions of a bundle. */
export interface Linker {
  readonly link: (condition: ConditionIr) => LinkedCondition;
  readonly readerOf: (field: string) => FieldReader;
}

/** Makes a linker for one bundle. */
export function createLinker(): Linker {
  const comparisons = new Map<string, (value: never) => Truth>();
  const readers = new Map<string, { field: Field; read: FieldReader }>();

  const readerOf = (path: string): { field: Field; read: FieldReader } => {
    const known = readers.get(path);
    if (known !== undefined) return known;
    const lookup = findField(path);
    if (!('field' in lookup)) throw new TypeError(`compiled bundle names ${lookup.problem}`);
    const reader = { field: lookup.field, read: linkReader(lookup.field) };
    readers.set(path, reader);
    return reader;
  };

  const linkLeaf = (leaf: LeafIr): LinkedLeaf => {
    const { field, read } = readerOf(leaf.field);
    const key = `${leaf.operator} ${JSON.stringify(leaf.literal)}`;
    const compare = comparisons.get(key) ?? operatorRow(leaf.operator).link(leaf.literal);
    comparisons.set(key, compare);
    const whenMissing = truthOf(leaf.whenMissing);
    const { negated } = leaf;
    const test: Test = (request) => {
      const value = read(request);
      if (value === MISSING) return whenMissing;
      if (value === BROKEN) return ERROR;
      try {
        const truth = compare(value as never);
        return negated ? negate(truth) : truth;
      } catch {
        // Only a defect of the pattern library gets here; an answer it did not give is no answer.
        return ERROR;
      }
    };
    return { leaf, field, read, test };
  };

  const link = (condition: ConditionIr): LinkedCondition => {
    if (condition.node === 'leaf') {
      const linked = linkLeaf(condition);
      const blame = (request: CanonicalRequest) => (linked.test(request) === ERROR ? linked : undefined);
      return { test: linked.test, leaves: [linked], blame };
    }
    const parts = condition.of.map(link);
    const test = (condition.node === 'and' ? linkAnd : linkOr)(parts.map((part) => part.test));
    return {
      test,
      leaves: parts.flatMap((part) => part.leaves),
      blame: (request) => (test(request) === ERROR ? firstBlamed(parts, request) : undefined),
    };
  };

  return { link, readerOf: (field) => readerOf(field).read };
}

/** Kleene's `and`: false dominates, whatever stands before or after it; then an error; else true. */
function linkAnd(tests: readonly Test[]): Test {
  const [only] = tests;
  if (tests.length === 1 && only !== undefined) return only;
  return (request) => {
    let result: Truth = TRUE;
    for (const test of tests) {
      const truth = test(request);
      if (truth === FALSE) return FALSE;
      if (truth === ERROR) result = ERROR;
    }
    return result;
  };
}

/** Kleene's `or`: true dominates; then an error; else false. */
function linkOr(tests: readonly Test[]): Test {
  return (request) => {
    let result: Truth = FALSE;
    for (const test of tests) {
      const truth = test(request);
      if (truth === TRUE) return TRUE;
      if (truth === ERROR) result = ERROR;
    }
    return result;
  };
}

function firstBlamed(parts: readonly LinkedCondition[], request: CanonicalRequest): LinkedLeaf | undefined {
  for (const part of parts) {
    const blamed = part.blame(request);
    if (blamed !== undefined) return blamed;
  }
  return undefined;
}
