import type { CustomFields } from '../dsl/custom-fields.js';
import { createFieldTable, type Field } from '../dsl/fields.js';
import { canonicalHost } from '../dsl/operators/host.js';
import { parseIp } from '../dsl/operators/ip.js';
import { rememberLast } from '../dsl/operators/last-result.js';
import { createPatternSearches } from '../dsl/operators/pattern-search.js';
import { createZoneClocks } from '../dsl/operators/zone-clock.js';
import { type Comparison, type LinkContext, operatorRow } from '../dsl/operators.js';
import { ERROR, FALSE, negate, TRUE, type Truth, truthOf } from '../dsl/truth.js';
import type { ContextualRequest } from '../model/facts.js';
import { joinSegments } from '../model/field-path.js';
import type { Frame } from './frame.js';
import type { ValueParsers } from './index/dimension.js';
import type { ConditionIr, LeafIr } from './ir.js';
import { BROKEN, type FieldReader, linkElements, linkReader, MISSING, type Reading } from './read-field.js';

/** A linked condition. Never throws: a defect inside an operator is an error of the rule. */
export type Test = (request: ContextualRequest) => Truth;

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
  readonly blame: (request: ContextualRequest) => LinkedLeaf | undefined;
}

/** Shares what is costly to link (patterns, time zones) among the conditions of a bundle. */
export interface Linker {
  readonly link: (condition: ConditionIr) => LinkedCondition;
  readonly fieldOf: (path: string) => Field;
  readonly readerOf: (path: string) => FieldReader;
  /** How its conditions parse values. */
  readonly parsers: ValueParsers;
}

/**
 * Makes a linker for one bundle, which may have fields of its own.
 * @param frame when given, what its conditions read is read through it
 */
export function createLinker(custom: CustomFields = {}, frame?: Frame): Linker {
  const table = createFieldTable(custom);
  const parsers: ValueParsers = { ipOf: rememberLast(parseIp), hostOf: rememberLast(canonicalHost) };
  const context: LinkContext = { zoneClock: createZoneClocks(), searchOf: createPatternSearches(), ...parsers };
  const comparisons = new Map<string, Comparison>();
  const tests = new Map<string, Test>();
  const fields = new Map<string, { readonly field: Field; readonly read: FieldReader }>();

  const readThrough = (field: Field): FieldReader => {
    const read = linkReader(field);
    return frame === undefined ? read : frame.bind(field.path, read);
  };

  const linkedField = (path: string): { readonly field: Field; readonly read: FieldReader } => {
    const known = fields.get(path);
    if (known !== undefined) return known;
    const lookup = table.findField(path);
    if (!('field' in lookup)) throw new TypeError(`compiled bundle names ${lookup.problem}`);
    const linked = { field: lookup.field, read: readThrough(lookup.field) };
    fields.set(path, linked);
    return linked;
  };

  const comparisonOf = ({ operator, literal }: LeafIr, field: Field, asked: string): Comparison => {
    const key = `${field.type} ${asked}`;
    const known = comparisons.get(key);
    if (known !== undefined) return known;
    const comparison = operatorRow(operator).link(literal, field, context);
    comparisons.set(key, comparison);
    return comparison;
  };

  const linkLeaf = (leaf: LeafIr): LinkedLeaf => {
    const { field, read } = linkedField(leaf.field);
    const asked = `${leaf.operator} ${JSON.stringify(leaf.literal)}`;
    // Leaves that ask the same share one test: of a large bundle most do, and what is small stays in the caches.
    const key = `${leaf.field} ${leaf.negated} ${leaf.whenMissing} ${leaf.quantifiers?.join() ?? ''} ${asked}`;
    const known = tests.get(key);
    if (known !== undefined) return { leaf, field, read, test: known };
    const test = linkTest(leaf, { field, read, compare: comparisonOf(leaf, field, asked) });
    tests.set(key, test);
    return { leaf, field, read, test };
  };

  const linkTest = (leaf: LeafIr, of: { field: Field; read: FieldReader; compare: Comparison }): Test => {
    const { field, read, compare } = of;
    const whenMissing = leaf.whenMissing === 'error' ? ERROR : truthOf(leaf.whenMissing);
    const { negated } = leaf;
    const ask = (value: Reading, request: ContextualRequest): Truth => {
      if (value === MISSING) return whenMissing;
      if (value === BROKEN) return ERROR;
      try {
        const truth = compare(value, request);
        return negated ? negate(truth) : truth;
      } catch {
        // Only a defect of the pattern library gets here; an answer it did not give is no answer.
        return ERROR;
      }
    };
    const test: Test =
      field.quantifiers === undefined
        ? (request) => ask(read(request), request)
        : linkElements(field, leaf.quantifiers ?? [], ask);
    return frame === undefined ? test : noting(test, { field, compare, frame });
  };

  /** Notes in the frame what the test looks at besides its field's reading. */
  const noting = (test: Test, of: { field: Field; compare: Comparison; frame: Frame }): Test => {
    const { field, compare, frame } = of;
    // A comparison that takes the request may look at any of it.
    const looksFurther = compare.length > 1;
    const [list] = field.quantifiers ?? [];
    if (list === undefined && !looksFurther) return test;
    const { quantifiers: _elements, ...plain } = field;
    const segments = field.segments.slice(0, (list?.at ?? 0) + 1);
    // Which elements lack a name is told by the list alone, not by what is collected of it.
    const readList =
      list === undefined ? undefined : readThrough({ ...plain, path: joinSegments(segments), segments, type: 'any' });
    return (request) => {
      readList?.(request);
      if (looksFurther) frame.noteWhole();
      return test(request);
    };
  };

  const link = (condition: ConditionIr): LinkedCondition => {
    if (condition.node === 'leaf') {
      const linked = linkLeaf(condition);
      const blame = (request: ContextualRequest) => (linked.test(request) === ERROR ? linked : undefined);
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

  return { link, fieldOf: (path) => linkedField(path).field, readerOf: (path) => linkedField(path).read, parsers };
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

function firstBlamed(parts: readonly LinkedCondition[], request: ContextualRequest): LinkedLeaf | undefined {
  for (const part of parts) {
    const blamed = part.blame(request);
    if (blamed !== undefined) return blamed;
  }
  return undefined;
}
