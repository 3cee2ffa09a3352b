import { join } from 'node:path';
import type { Checked } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import { readSource } from '../bundle/read-source.js';
import { computeCoverage } from './coverage.js';
import { runMutants } from './mutation/run-mutants.js';
import { percentText, reaches, type Share } from './percentage.js';
import type { TestReport } from './report-json.js';
import { isChosen, type RunOptions, type RunResult, runSuites } from './run-suites.js';
import { readSubjects, type Subject } from './subject.js';
import type { TestCase } from './suite.js';

/** What to do with a folder's tests. */
export interface TestFolderOptions extends RunOptions {
  /** Percent that rule coverage and branch coverage must each reach. */
  readonly threshold?: number;
  readonly coverage: boolean;
  /** Percent of mutants that must be noticed. */
  readonly mutateThreshold?: number;
  readonly mutate: boolean;
  /** The time that mutants may take. */
  readonly mutateSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, killed: number) => void;
}

/**
 * Reads a policy folder or a pack, runs its suites with the engine that PDPs run, and measures what was asked for.
 * @throws PortcullisError `ERR_CLI_SOURCE` when the folder cannot be read
 */
export async function testFolder(directory: string, options: TestFolderOptions): Promise<Checked<TestReport>> {
  const subjects = await readSubjects(await readSource(directory));
  if (!subjects.ok) return subjects;
  const run = runSuites(subjects.value, options);
  const chosen = subjects.value.map((subject) => ({ subject, cases: chosenCases(subject, options.filter) }));
  const missed = missedRuns(run, directory, options.filter);
  const wantsCoverage = options.coverage || options.threshold !== undefined;
  const coverage = wantsCoverage
    ? computeCoverage(
        chosen.map(({ subject, cases }) => ({
          compiled: subject.compiled,
          requests: cases.map(({ request }) => request),
        })),
      )
    : undefined;
  if (coverage !== undefined && options.threshold !== undefined) {
    missed.push(...missedShare('rule coverage', coverage.rules, options.threshold));
    missed.push(...missedShare('branch coverage', coverage.branches, options.threshold));
  }
  const wantsMutants = options.mutate || options.mutateThreshold !== undefined;
  // A test that fails anyway would seem to notice every mutant.
  const mutation =
    wantsMutants && run.tally.failed === 0
      ? await runMutants(chosen, { ...options, seconds: options.mutateSeconds })
      : undefined;
  if (wantsMutants && mutation === undefined) missed.push('no mutants were run: the tests must pass first');
  if (mutation !== undefined && options.mutateThreshold !== undefined) {
    missed.push(...missedShare('mutation score', mutation.score, options.mutateThreshold));
  }
  const value: TestReport = {
    ok: run.tally.failed === 0 && missed.length === 0,
    run,
    missed,
    ...(coverage === undefined ? {} : { coverage }),
    ...(mutation === undefined ? {} : { mutation }),
  };
  return { ok: true, value };
}

function chosenCases({ suites }: Subject, filter: string | undefined): readonly TestCase[] {
  return suites
    .flatMap((suite) => suite.cases)
    .filter((testCase) => testCase.skip === undefined && isChosen(testCase, filter));
}

/** A run of nothing must not look like a success. */
function missedRuns({ tally }: RunResult, directory: string, filter: string | undefined): string[] {
  if (tally.total === 0) return [`there are no tests: expected suites in ${join(directory, 'tests')}`];
  if (tally.passed + tally.failed + tally.skipped > 0) return [];
  return [`no test has "${filter ?? ''}" in its name`];
}

function missedShare(what: string, share: Share, threshold: number): readonly string[] {
  return reaches(share, threshold) ? [] : [`${what} is ${percentText(share)}, below the threshold of ${threshold} %`];
}
