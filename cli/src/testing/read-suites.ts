import { childPath, type Excerpt, excerptOf, parseSourceDocument } from '@portcullis/policy';
import { type Checked, type JsonObject, sortProblems } from '@portcullis/policy/model';
import { composeRequest } from './compose-request.js';
import { expandTest } from './expand-test.js';
import { type Fixtures, NO_FIXTURES, overrideFixtures, readFixtures, uniteFixtures } from './fixtures.js';
import type { TestCase, TestSuite } from './suite.js';
import { createSuiteProblems, type SuiteProblems } from './suite-problems.js';
import {
  AXES,
  FIXTURES_FOLDER,
  type SuiteShape,
  sharedFixturesShape,
  suiteShape,
  TESTS_FOLDER,
} from './suite-schema.js';

const SUITE_FILE = /\.(yaml|yml|json)$/;

/**
 * Reads every suite of a policy folder, `tests/*.yaml|yml|json` at any depth, and expands its matrices. Every request is
 * checked as a PDP checks it. All problems are returned, in reading order.
 * @param files the folder's files, path to bytes; what is outside `tests/` is not looked at
 */
export function readSuites(files: ReadonlyMap<string, Uint8Array>): Checked<readonly TestSuite[]> {
  const problems = createSuiteProblems();
  const names = [...files.keys()].filter((name) => name.startsWith(`${TESTS_FOLDER}/`) && SUITE_FILE.test(name)).sort();
  const documents = names.flatMap((name) => {
    const parsed = parseSourceDocument(name, files.get(name) ?? new Uint8Array());
    if (!parsed.ok) problems.addAll(parsed.problems);
    return parsed.ok ? [{ name, value: parsed.value.value, where: excerptOf(parsed.value, '') }] : [];
  });
  const isShared = ({ name }: { readonly name: string }): boolean => name.startsWith(`${FIXTURES_FOLDER}/`);

  const shared = uniteFixtures(
    documents.filter(isShared).map(({ value, where }) => readSharedFixtures(value, where, problems)),
    problems,
  );
  const suites = documents
    .filter((document) => !isShared(document))
    .flatMap(({ value, where }) => {
      const suite = readSuite(value, { where, shared, problems });
      return suite === undefined ? [] : [{ suite, where }];
    });
  const seen = new Map<string, string>();
  for (const { suite, where } of suites) {
    const twin = seen.get(suite.name);
    if (twin !== undefined) {
      problems.add(where, 'suite', 'ERR_TESTS_NAME_DUPLICATE', `${twin} has a suite "${suite.name}" too`);
    }
    seen.set(suite.name, suite.file);
  }
  return problems.all.length > 0
    ? { ok: false, problems: sortProblems(problems.all) }
    : { ok: true, value: suites.map(({ suite }) => suite) };
}

function readSharedFixtures(value: unknown, where: Excerpt, problems: SuiteProblems): Fixtures {
  const schema = sharedFixturesShape();
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    problems.addShape(where, '', parsed.error, schema);
    return NO_FIXTURES;
  }
  const fixtures = readFixtures(parsed.data, where, '');
  checkFixtures(fixtures, where, problems);
  return fixtures;
}

// A fixture that no test uses yet is checked all the same; any instant does for that.
const ANY_INSTANT = '2000-01-01T00:00:00Z';

function checkFixtures(fixtures: Fixtures, where: Excerpt, problems: SuiteProblems): void {
  for (const axis of AXES) {
    for (const part of fixtures[axis].values()) {
      composeRequest([part], { now: ANY_INSTANT, approved: [], facts: undefined, where, path: part.path }, problems);
    }
  }
}

interface SuiteContext {
  readonly where: Excerpt;
  readonly shared: Fixtures;
  readonly problems: SuiteProblems;
}

function readSuite(value: unknown, { where, shared, problems }: SuiteContext): TestSuite | undefined {
  const schema = suiteShape();
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    problems.addShape(where, '', parsed.error, schema);
    return undefined;
  }
  const shape: SuiteShape = parsed.data;
  const own = shape.fixtures === undefined ? NO_FIXTURES : readFixtures(shape.fixtures, where, 'fixtures');
  checkFixtures(own, where, problems);
  const fixtures = overrideFixtures(shared, own);
  const cases: TestCase[] = [];
  const names = new Map<string, number>();
  for (const [index, written] of shape.tests.entries()) {
    const path = childPath('tests', index);
    const test = expandTest(written, { suite: shape, where, path, fixtures, problems });
    if (test === undefined) continue;
    const twin = names.get(test.name);
    if (twin !== undefined) {
      const message = `the test at line ${twin} is called "${test.name}" too`;
      problems.add(where, childPath(path, 'name'), 'ERR_TESTS_NAME_DUPLICATE', message);
    }
    names.set(test.name, where.at(path)?.[0] ?? 0);
    cases.push(...test.cases);
  }
  return { name: shape.suite, file: where.file, parameters: (shape.parameters ?? {}) as JsonObject, cases };
}
