/**
 * `npm run verify`: everything that must hold, in the order in which a failure is cheapest to find.
 *
 *   npm run verify                 types, lint, format, generated files, unit, conformance, integration, timed
 *   npm run verify -- --only unit  one step or several, comma-separated
 *   npm run verify:long            the same with long properties, soaks, larger matrices and mutation testing
 *   npm run conformance            third-party suites, most of which need Python
 *
 * Ends with a line `N passed, M failed`; exits 0 only if nothing failed.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { startProcess } from '../support/child-process.js';
import { repositoryRoot } from '../support/root.js';
import { serverBinary } from '../support/server-binaries.js';
import { runConformance } from './third-party.js';

/** What a step found. A step without tests of its own counts as one. */
export interface StepResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const root = repositoryRoot();
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

async function command(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<StepResult> {
  const running = startProcess(program, args, { cwd: root, env: { ...process.env, ...env } });
  const { code } = await running.exited;
  if (code !== 0) process.stdout.write(running.output());
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly numTotalTests: number;
  readonly testResults: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[];
}

/** What takes longest is said, so that the time which verify may take is not used up unseen. */
const SLOW_MS = 20_000;

function sayWhatIsSlow({ testResults }: JestReport): void {
  const slow = testResults
    .map(({ name, startTime, endTime }) => ({ name: relative(root, name), took: endTime - startTime }))
    .filter(({ took }) => took >= SLOW_MS)
    .toSorted((a, b) => b.took - a.took);
  for (const { name, took } of slow)
    process.stdout.write(styleText('dim', `  ${(took / 1000).toFixed(0)} s ${name}\n`));
}

type Project = 'unit' | 'integration' | 'timed' | 'conformance';

/** Test files that run at once, on any machine; what is timed has it to itself. A third of integration gains nothing on two processors. */
const FILES_AT_ONCE: Readonly<Record<Project, number>> = { unit: 2, integration: 2, timed: 1, conformance: 1 };

/** Runs one Jest project. A suite that could not even load counts as a failure, and so does a skipped test. */
async function jest(project: Project, env: NodeJS.ProcessEnv = {}): Promise<StepResult> {
  const report = join(root, '.cache', `jest-${project}.json`);
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const running = startProcess(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--selectProjects',
      project,
      '--json',
      `--outputFile=${report}`,
      FILES_AT_ONCE[project] === 1 ? '--runInBand' : `--maxWorkers=${FILES_AT_ONCE[project]}`,
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        NODE_ENV: 'test',
        FORCE_COLOR: '0',
        // Hundreds of processes of the same few programs are started: a fifth of what a start costs is compiling.
        NODE_COMPILE_CACHE: join(root, '.cache', 'compiled'),
        ...env,
      },
    },
  );
  const { code } = await running.exited;
  let found: JestReport;
  try {
    found = JSON.parse(readFileSync(report, 'utf8')) as JestReport;
  } catch {
    process.stdout.write(running.output());
    return { passed: 0, failed: 1, skipped: 0 };
  }
  sayWhatIsSlow(found);
  const skipped = found.numPendingTests + found.numTodoTests;
  const failed = found.numFailedTests + skipped + (found.numFailedTests === 0 ? found.numFailedTestSuites : 0);
  const broken = code !== 0 || found.numTotalTests === 0;
  if (broken || failed > 0) process.stdout.write(running.output());
  return { passed: found.numPassedTests, failed: broken && failed === 0 ? 1 : failed, skipped: 0 };
}

/** One thing that must hold. */
type Step = () => Promise<StepResult>;
/** Steps that run at the same time: none of them measures time, and what one leaves idle another can use. */
type Group = Readonly<Record<string, Step>>;

const oneAfterTheOther = (steps: Group): readonly Group[] =>
  Object.entries(steps).map(([name, step]) => ({ [name]: step }));

function ownSteps(long: NodeJS.ProcessEnv | undefined): readonly Group[] {
  return [
    {
      servers: async () => {
        serverBinary('nats-server');
        serverBinary('redis-server');
        serverBinary('postgres');
        return { passed: 1, failed: 0, skipped: 0 };
      },
    },
    { types: () => command(bin('tsc'), ['-b']) },
    {
      oxlint: () => command(bin('oxlint'), ['--type-aware', '--deny-warnings']),
      biome: () => command(bin('biome'), ['ci', '--error-on-warnings', '.']),
      generated: () => command(process.execPath, [join(root, 'test', 'dist', 'docs', 'generate.js'), '--check']),
    },
    { unit: () => jest('unit', long), conformance: () => jest('conformance', long) },
    { integration: () => jest('integration', long) },
    { timed: () => jest('timed', long) },
    ...(long === undefined
      ? []
      : [{ mutation: () => command(bin('stryker'), ['run', 'test/mutation/resolution.config.mjs']) }]),
  ];
}

/** Runs a step, and says what came of it; one that throws has failed. */
async function run(name: string, step: Step): Promise<StepResult> {
  const begun = performance.now();
  let result: StepResult;
  try {
    result = await step();
  } catch (error: unknown) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    result = { passed: 0, failed: 1, skipped: 0 };
  }
  const mark = result.failed === 0 ? styleText('green', '✓') : styleText('red', '✗');
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : '';
  process.stdout.write(`${mark} ${name}: ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)\n`);
  return result;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      long: { type: 'boolean', default: false },
      conformance: { type: 'boolean', default: false },
      summary: { type: 'string' },
    },
  });
  const long = values.long ? { PORTCULLIS_TEST_LONG: '1', JEST_PROPERTY_RUNS: '100000' } : undefined;
  const groups = values.conformance ? oneAfterTheOther(runConformance(root)) : ownSteps(long);
  const wanted = values.only?.split(',');
  const known = groups.flatMap((group) => Object.keys(group));
  const unknown = wanted?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`No step "${unknown}"; there are: ${known.join(', ')}\n`);
    return 2;
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const group of groups) {
    const steps = Object.entries(group).filter(([name]) => wanted?.includes(name) ?? true);
    for (const { passed, failed, skipped } of await Promise.all(steps.map(([name, step]) => run(name, step)))) {
      total.passed += passed;
      total.failed += failed;
      total.skipped += skipped;
    }
  }
  if (values.summary !== undefined) writeFileSync(values.summary, JSON.stringify(total));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

process.exitCode = await main();
