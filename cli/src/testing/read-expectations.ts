import { childPath, didYouMean, type Excerpt } from '@portcullis/policy';
import { DECISION_EFFECTS, type DecisionEffect } from '@portcullis/policy/model';
import type { Combination, Expectation } from './suite.js';
import type { SuiteProblems } from './suite-problems.js';
import {
  AXES,
  type Axis,
  type ExpectationRowShape,
  type ExpectationShape,
  expectationObjectShape,
  expectationRowShape,
} from './suite-schema.js';

/** Where an expectation stands. */
export interface ExpectationContext {
  readonly where: Excerpt;
  readonly path: string;
  readonly isMatrix: boolean;
  readonly problems: SuiteProblems;
}

/**
 * What is expected of each combination, in their order. Forms: nothing (a denial), an effect, an object, or, for a
 * matrix, a table. Combinations that no row of a table speaks of are expected to be denied; two rows that fit one
 * combination, and a row that fits none, are problems: their order would have to mean something, or a slip goes unseen.
 */
export function readExpectations(
  written: unknown,
  combinations: readonly Combination[],
  context: ExpectationContext,
): readonly Expectation[] | undefined {
  const { where, path, problems } = context;
  if (written === undefined) return combinations.map(() => DENIAL);
  if (typeof written === 'string') {
    if (!isEffect(written)) {
      const list = DECISION_EFFECTS.join(', ');
      const message = `there is no outcome "${written}" (it is one of ${list})${didYouMean(written, DECISION_EFFECTS)}`;
      problems.add(where, path, 'ERR_TESTS_SHAPE', message);
      return undefined;
    }
    return combinations.map(() => ({ effect: written }));
  }
  if (!Array.isArray(written)) {
    const schema = expectationObjectShape();
    const parsed = schema.safeParse(written);
    if (!parsed.success) problems.addShape(where, path, parsed.error, schema);
    if (!parsed.success || !isSound(parsed.data, path, context)) return undefined;
    const expectation = completed(parsed.data);
    return combinations.map(() => expectation);
  }
  if (!context.isMatrix) {
    problems.add(where, path, 'ERR_TESTS_EXPECTATION', 'a table of expectations needs a matrix');
    return undefined;
  }
  return readTable(written, combinations, context);
}

const DENIAL: Expectation = { effect: 'deny' };

function isEffect(text: string): text is DecisionEffect {
  return (DECISION_EFFECTS as readonly string[]).includes(text);
}

/** An expectation without an effect expects a denial. */
function completed(shape: ExpectationShape): Expectation {
  return { ...shape, effect: shape.effect ?? 'deny' };
}

function isSound(shape: ExpectationShape, path: string, { where, problems }: ExpectationContext): boolean {
  const reason = shape.code === undefined ? shape.reason_code : shape.code;
  if (shape.effect !== 'allow' || reason === undefined) return true;
  const key = shape.code === undefined ? 'reason_code' : 'code';
  const message = `an allow has no reasons, so "${key}: ${reason}" can never be met`;
  problems.add(where, childPath(path, key), 'ERR_TESTS_EXPECTATION', message, 'key');
  return false;
}

interface Row {
  readonly line: number;
  readonly path: string;
  readonly names: ReadonlyMap<Axis, readonly string[]>;
  readonly expectation: Expectation;
}

function readTable(
  written: readonly unknown[],
  combinations: readonly Combination[],
  context: ExpectationContext,
): readonly Expectation[] | undefined {
  const { where, problems } = context;
  const rows: Row[] = [];
  for (const [index, element] of written.entries()) {
    const row = readRow(element, childPath(context.path, index), combinations, context);
    if (row !== undefined) rows.push(row);
  }
  if (rows.length !== written.length) return undefined;
  const used = new Set<Row>();
  const clashes = new Set<Row>();
  const expectations = combinations.map((combination) => {
    const [row, second] = rows.filter((candidate) => fits(candidate, combination));
    if (row === undefined) return DENIAL;
    used.add(row);
    if (second !== undefined && !clashes.has(second)) {
      clashes.add(second);
      used.add(second);
      const both = Object.values(combination).join(' × ');
      const message = `this row and the one at line ${row.line} both speak of ${both}; a combination has one expectation`;
      problems.add(where, second.path, 'ERR_TESTS_EXPECTATION', message);
    }
    return row.expectation;
  });
  for (const row of rows) {
    if (used.has(row) || clashes.has(row)) continue;
    problems.add(where, row.path, 'ERR_TESTS_EXPECTATION', 'this row fits no combination of the matrix');
  }
  return expectations;
}

function readRow(
  written: unknown,
  path: string,
  combinations: readonly Combination[],
  context: ExpectationContext,
): Row | undefined {
  const { where, problems } = context;
  const schema = expectationRowShape();
  const parsed = schema.safeParse(written);
  if (!parsed.success) {
    problems.addShape(where, path, parsed.error, schema);
    return undefined;
  }
  const { principal, tool, context: circumstance, request, ...expectation } = parsed.data;
  const named = { principal, tool, context: circumstance, request };
  const names = new Map<Axis, readonly string[]>();
  let known = true;
  for (const axis of AXES) {
    const value: ExpectationRowShape[Axis] = named[axis];
    if (value === undefined) continue;
    const list = typeof value === 'string' ? [value] : value;
    names.set(axis, list);
    const choices = [...new Set(combinations.flatMap((combination) => combination[axis] ?? []))];
    for (const [index, name] of list.entries()) {
      if (choices.includes(name)) continue;
      known = false;
      const at = childPath(path, axis);
      const message = `the matrix has no ${axis} "${name}"${didYouMean(name, choices)}`;
      problems.add(where, typeof value === 'string' ? at : childPath(at, index), 'ERR_TESTS_NAME_UNKNOWN', message);
    }
  }
  if (!known || !isSound(expectation, path, context)) return undefined;
  return { line: where.at(path)?.[0] ?? 0, path, names, expectation: completed(expectation) };
}

function fits(row: Row, combination: Combination): boolean {
  return [...row.names].every(([axis, names]) => names.includes(combination[axis] ?? ''));
}
