import type { Json } from '@portcullis/policy/model';
import type { Coverage } from './coverage.js';
import type { MutationReport } from './mutation/run-mutants.js';
import { percentOf, type Share } from './percentage.js';
import type { CaseResult, RunResult } from './run-suites.js';
import { caseName } from './suite.js';

/** Everything that a run of `portcullis test` found out. */
export interface TestReport {
  readonly ok: boolean;
  readonly run: RunResult;
  readonly coverage?: Coverage;
  readonly mutation?: MutationReport;
  /** Thresholds that were not reached, for people. */
  readonly missed: readonly string[];
}

/** The report as `--json` prints it. */
export function jsonReport({ ok, run, coverage, mutation, missed }: TestReport): Json {
  const { notRun, ...tally } = run.tally;
  const report = {
    ok,
    missed,
    tally: { ...tally, not_run: notRun },
    suites: run.suites.map(({ name, file, results }) => ({ name, file, cases: results.map(caseReport) })),
    ...(coverage === undefined
      ? {}
      : {
          coverage: {
            rules: shareReport(coverage.rules),
            branches: shareReport(coverage.branches),
            per_rule: coverage.perRule.map(({ branches, ...rule }) => ({ ...rule, branches: shareReport(branches) })),
            modules: coverage.modules,
          },
        }),
    ...(mutation === undefined
      ? {}
      : {
          mutation: {
            score: shareReport(mutation.score),
            mutants: mutation.results.map(({ killedBy, ...mutant }) => ({
              ...mutant,
              ...(killedBy === undefined ? {} : { killed_by: killedBy }),
            })),
          },
        }),
  };
  return report as unknown as Json;
}

function shareReport(share: Share): Json {
  return { covered: share.covered, total: share.total, percent: percentOf(share) };
}

function caseReport(result: CaseResult): unknown {
  const { testCase } = result;
  const head = {
    name: caseName(testCase),
    test: testCase.test,
    combination: testCase.combination,
    file: testCase.file,
    line: testCase.line,
    status: result.status,
  };
  if (result.status === 'skipped') return { ...head, reason: result.reason };
  if (result.status === 'passed') return { ...head, effect: result.verdict.effect };
  const { verdict, differences, explanation } = result;
  return { ...head, effect: verdict.effect, expected: testCase.expect, differences, verdict, explanation };
}
