import { childPath, didYouMean, type Excerpt } from '@portcullis/policy';
import type { Facts, JsonObject } from '@portcullis/policy/model';
import { composeRequest, type RequestPart } from './compose-request.js';
import { FIXTURE_KEYS, type Fixtures } from './fixtures.js';
import { readExpectations } from './read-expectations.js';
import type { Combination, TestCase } from './suite.js';
import type { SuiteProblems } from './suite-problems.js';
import { type Axis, MAX_CASES, type SuiteShape, type TestShape, testShape } from './suite-schema.js';

/** What a test is read in. */
export interface TestContext {
  readonly suite: SuiteShape;
  readonly where: Excerpt;
  /** Where the test stands in `where`. */
  readonly path: string;
  readonly fixtures: Fixtures;
  readonly problems: SuiteProblems;
}

/** Reads one test and makes a case of every combination of its matrix. Reports every problem. */
export function expandTest(
  written: unknown,
  context: TestContext,
): { readonly name: string; readonly cases: readonly TestCase[] } | undefined {
  const { where, path, problems } = context;
  const schema = testShape();
  const parsed = schema.safeParse(written);
  if (!parsed.success) {
    problems.addShape(where, path, parsed.error, schema);
    return undefined;
  }
  const test = parsed.data;
  checkSkip(test, context);
  const axes = readAxes(test, context);
  const inline = readInlineRequest(test, context);
  const combinations = axes === undefined ? undefined : combine(axes);
  if (combinations === undefined || inline === 'wrong') return undefined;
  if (combinations.length > MAX_CASES) {
    const message = `the matrix has ${combinations.length} combinations; at most ${MAX_CASES}`;
    problems.add(where, childPath(path, 'matrix'), 'ERR_TESTS_SHAPE', message);
    return undefined;
  }
  const expectations = readExpectations(test.expect, combinations, {
    where,
    path: childPath(path, 'expect'),
    isMatrix: test.matrix !== undefined,
    problems,
  });
  const cases: TestCase[] = [];
  for (const [index, combination] of combinations.entries()) {
    const request = composeRequest(
      partsOf(test, combination, { inline, fixtures: context.fixtures }),
      {
        now: test.now ?? context.suite.now,
        approved: test.approved ?? [],
        facts: test.facts as Facts | undefined,
        where,
        path,
      },
      problems,
    );
    const expect = expectations?.[index];
    if (request === undefined || expect === undefined) continue;
    cases.push({
      suite: context.suite.suite,
      test: test.name,
      combination,
      request,
      readings: test.readings ?? {},
      approved: test.approved ?? [],
      expect,
      strict: context.suite.options?.strict ?? false,
      file: where.file,
      line: where.at(path)?.[0] ?? 0,
      ...(test.skip === true ? { skip: test.skip_reason ?? '' } : {}),
    });
  }
  return { name: test.name, cases };
}

function checkSkip(test: TestShape, { where, path, problems }: TestContext): void {
  if (test.skip === true && test.skip_reason === undefined) {
    const message = 'a test that is skipped says why: skip_reason is missing';
    problems.add(where, childPath(path, 'skip'), 'ERR_TESTS_SHAPE', message);
  }
  if (test.skip !== true && test.skip_reason !== undefined) {
    const message = 'skip_reason without "skip: true": the test would run';
    problems.add(where, childPath(path, 'skip_reason'), 'ERR_TESTS_SHAPE', message, 'key');
  }
}

/** Parts are put on in this order, whichever of them the matrix varies: the most particular last. */
const ORDER = ['request', 'principal', 'tool', 'context'] as const satisfies readonly Axis[];

type Axes = readonly (readonly [axis: Axis, names: readonly string[]])[];

/** The axes of the matrix. A name that no fixture has is a problem, and so is an axis that is fixed and varied at once. */
function readAxes(test: TestShape, context: TestContext): Axes | undefined {
  const { where, path, problems, fixtures } = context;
  const axes: [Axis, readonly string[]][] = [];
  let known = true;
  if (test.matrix !== undefined && Object.keys(test.matrix).length === 0) {
    const message = 'a matrix has at least one of principals, tools, contexts and requests';
    problems.add(where, childPath(path, 'matrix'), 'ERR_TESTS_SHAPE', message);
  }
  const check = (axis: Axis, name: string, at: string): void => {
    if (fixtures[axis].has(name)) return;
    known = false;
    const message = `there is no ${axis} "${name}" among the fixtures${didYouMean(name, fixtures[axis].keys())}`;
    problems.add(where, at, 'ERR_TESTS_NAME_UNKNOWN', message);
  };
  for (const axis of ORDER) {
    const key = FIXTURE_KEYS[axis];
    const names = test.matrix?.[key];
    const at = childPath(childPath(path, 'matrix'), key);
    const fixed = fixedName(test, axis);
    if (fixed !== undefined) check(axis, fixed, childPath(path, axis));
    if (names === undefined) continue;
    for (const [index, name] of names.entries()) {
      check(axis, name, childPath(at, index));
      if (names.indexOf(name) === index) continue;
      problems.add(where, childPath(at, index), 'ERR_TESTS_NAME_DUPLICATE', `"${name}" is in the list twice`);
    }
    if (fixed !== undefined) {
      const message = `${axis} is given once for all and in the matrix; leave one of them out`;
      problems.add(where, childPath(path, axis), 'ERR_TESTS_SHAPE', message, 'key');
    }
    axes.push([axis, names]);
  }
  return known ? axes : undefined;
}

function fixedName(test: TestShape, axis: Axis): string | undefined {
  if (axis !== 'request') return test[axis];
  return typeof test.request === 'string' ? test.request : undefined;
}

/** `request` as an object; nothing when it is absent or a name. */
function readInlineRequest(test: TestShape, { where, path, problems }: TestContext): RequestPart | undefined | 'wrong' {
  const { request } = test;
  if (request === undefined || typeof request === 'string') return undefined;
  const at = childPath(path, 'request');
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    const message = 'expected a part of a canonical request, or the name of a request of the fixtures';
    problems.add(where, at, 'ERR_TESTS_SHAPE', message);
    return 'wrong';
  }
  return { value: request as JsonObject, where, path: at, under: '' };
}

function combine(axes: Axes): readonly Combination[] {
  let combinations: readonly Combination[] = [{}];
  for (const [axis, names] of axes) {
    // Beyond the cap only the count matters; it must not be counted by filling the memory.
    if (combinations.length > MAX_CASES) break;
    combinations = combinations.flatMap((combination) => names.map((name) => ({ ...combination, [axis]: name })));
  }
  return combinations;
}

interface PartSources {
  readonly inline: RequestPart | undefined;
  readonly fixtures: Fixtures;
}

function partsOf(test: TestShape, combination: Combination, { inline, fixtures }: PartSources): readonly RequestPart[] {
  const named = ORDER.flatMap((axis) => {
    const name = combination[axis] ?? fixedName(test, axis);
    const part = name === undefined ? undefined : fixtures[axis].get(name);
    return part === undefined ? [] : [part];
  });
  return inline === undefined ? named : [...named, inline];
}
