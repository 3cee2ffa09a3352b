import { applyReadings, type Engine, type Explanation } from '@portcullis/policy';
import type { Verdict } from '@portcullis/policy/model';
import { compareVerdict, type Difference } from './compare-verdict.js';
import { readingsOf } from './quota-readings.js';
import type { Subject } from './subject.js';
import { caseName, type TestCase } from './suite.js';

/** How one case ended. */
export type CaseResult =
  | { readonly status: 'passed'; readonly testCase: TestCase; readonly verdict: Verdict }
  | { readonly status: 'skipped'; readonly testCase: TestCase; readonly reason: string }
  | {
      readonly status: 'failed';
      readonly testCase: TestCase;
      readonly verdict: Verdict;
      readonly differences: readonly Difference[];
      /** Of the first failures only: to explain takes a while, and nobody reads a thousand of them. */
      readonly explanation?: Explanation;
    };

/** How a suite ended. */
export interface SuiteResult {
  readonly name: string;
  readonly file: string;
  readonly results: readonly CaseResult[];
}

/** How many cases ended how. */
export interface Tally {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Cases that `filter` left out, or that `failFast` did not come to. */
  readonly notRun: number;
}

/** How suites ended. */
export interface RunResult {
  readonly suites: readonly SuiteResult[];
  readonly tally: Tally;
}

/** What to run. */
export interface RunOptions {
  /** Only cases whose name, or whose suite's name, contains this text; letter case does not matter. */
  readonly filter?: string;
  /** Stop at the first failure. */
  readonly failFast: boolean;
}

/** What the engine and the test's readings of quotas say of a case. */
export function verdictOf(engine: Engine, testCase: TestCase): Verdict {
  const verdict = engine.evaluate(testCase.request);
  return applyReadings(verdict, readingsOf(verdict.guards, testCase.readings));
}

/** Failures that are explained. */
const MAX_EXPLAINED = 50;

function runCase(engine: Engine, testCase: TestCase, explain: boolean): CaseResult {
  if (testCase.skip !== undefined) return { status: 'skipped', testCase, reason: testCase.skip };
  const verdict = verdictOf(engine, testCase);
  const differences = compareVerdict(testCase.expect, verdict, testCase.strict);
  if (differences.length === 0) return { status: 'passed', testCase, verdict };
  const explanation = explain ? { explanation: engine.explain(testCase.request) } : {};
  return { status: 'failed', testCase, verdict, differences, ...explanation };
}

/** Runs the suites of all subjects, in order. Pure: the clock of every case is frozen. */
export function runSuites(subjects: readonly Subject[], options: RunOptions): RunResult {
  const suites: SuiteResult[] = [];
  const tally = { total: 0, passed: 0, failed: 0, skipped: 0, notRun: 0 };
  for (const { engine, suites: ofSubject } of subjects) {
    for (const { name, file, cases } of ofSubject) {
      const results: CaseResult[] = [];
      for (const testCase of cases) {
        tally.total += 1;
        if (!isChosen(testCase, options.filter) || (options.failFast && tally.failed > 0)) {
          tally.notRun += 1;
          continue;
        }
        const result = runCase(engine, testCase, tally.failed < MAX_EXPLAINED);
        tally[result.status] += 1;
        results.push(result);
      }
      if (results.length > 0) suites.push({ name, file, results });
    }
  }
  return { suites, tally };
}

/** Whether a filter names a case. */
export function isChosen(testCase: TestCase, filter: string | undefined): boolean {
  if (filter === undefined) return true;
  const wanted = filter.toLowerCase();
  return [testCase.suite, caseName(testCase)].some((name) => name.toLowerCase().includes(wanted));
}
