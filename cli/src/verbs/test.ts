import { type Command, InvalidArgumentError } from 'commander';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { replaceFile } from '../files/private-files.js';
import { reportProblems } from '../problems.js';
import { printJson, type Shell } from '../shell.js';
import { jsonReport, type TestReport } from '../testing/report-json.js';
import { junitReport } from '../testing/report-junit.js';
import { coverageLines, mutationLines, runLines } from '../testing/report-text.js';
import { suiteJsonSchema } from '../testing/suite-json-schema.js';
import { testFolder } from '../testing/test-folder.js';
import { watchFolder } from '../testing/watch-folder.js';
import { examples, wholeNumber } from './arguments.js';

interface TestFlags {
  readonly filter?: string;
  readonly failFast: boolean;
  readonly coverage: boolean;
  readonly threshold?: number;
  readonly mutate: boolean;
  readonly mutateThreshold?: number;
  readonly mutateSeconds: number;
  readonly junit?: string;
  readonly json: boolean;
  readonly watch: boolean;
  readonly schema: boolean;
}

/** Adds `test`. */
export function addTestVerb(program: Command, shell: Shell): void {
  program
    .command('test')
    .description('run the test suites of a policy directory or a pack with the engine that PDPs run')
    .argument('[DIR]', 'a directory with a bundle.yaml or a pack.yaml, and suites in tests/')
    .option('--filter <TEXT>', 'only tests whose name, or whose suite, has this text in it')
    .option('--fail-fast', 'stop at the first failure', false)
    .option('--coverage', 'say which rules and branches no test showed', false)
    .option('--threshold <PCT>', 'fail below this percentage of rule or branch coverage; never rounded up', percentage)
    .option('--mutate', 'change the policies one thing at a time and say which changes no test notices', false)
    .option('--mutate-threshold <PCT>', 'fail below this percentage of noticed changes', percentage)
    .option('--mutate-seconds <N>', 'the time that this may take', wholeNumber(1, 86_400), 60)
    .option('--junit <FILE>', 'also write the results as JUnit XML')
    .option('--watch', 'run again whenever something changes, until interrupted', false)
    .option('--schema', 'print the JSON Schema of a suite, for editors', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['exit code 4 when a test fails', 'portcullis test policies'],
        ['a gate: every rule and branch shown, nine of ten changes noticed', GATE],
        ['while writing', 'portcullis test policies --watch --filter "finance"'],
        ['completion in an editor', 'portcullis test --schema > tests.schema.json'],
      ),
    )
    .action(async (directory: string | undefined, flags: TestFlags) => {
      if (flags.schema) {
        printJson(shell, suiteJsonSchema());
        return;
      }
      if (directory === undefined) throw usageFault('DIR is missing: expected a policy directory or a pack');
      if (!flags.watch) {
        await runOnce(shell, directory, flags);
        return;
      }
      if (flags.json) throw usageFault('--watch and --json: expected only one of them');
      await watchFolder(directory, () => runWatched(shell, directory, flags), {
        signal: shell.signal,
        ...(flags.junit === undefined ? {} : { ignore: flags.junit }),
      });
      // Whoever stops watching got what was wanted.
      shell.exit(EXIT.ok);
    });
}

const GATE = 'portcullis test policies --threshold 100 --mutate-threshold 90 --junit report.xml';

function percentage(text: string): number {
  const value = Number(text);
  if (!/^\d{1,3}(\.\d{1,6})?$/.test(text) || value > 100) {
    throw new InvalidArgumentError('Expected a percentage from 0 to 100.');
  }
  return value;
}

/** Clears the screen and what can be scrolled back to, so that an old failure is not taken for a new one. */
const CLEAR = '\u001B[2J\u001B[3J\u001B[H';

async function runWatched(shell: Shell, directory: string, flags: TestFlags): Promise<void> {
  if (shell.terminal.interactive === true) shell.terminal.data(CLEAR);
  try {
    await runOnce(shell, directory, flags);
  } catch (error) {
    // Half a save must not end the watch; the next change is another chance.
    if (shell.signal.aborted) return;
    shell.terminal.say(error instanceof Error ? error.message : String(error), 'bad');
  }
  shell.terminal.say(`watching ${directory}`, 'dim');
}

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 2000;

async function runOnce(shell: Shell, directory: string, flags: TestFlags): Promise<void> {
  let saidAt = shell.clock.monotonic();
  const report = await testFolder(directory, {
    ...flags,
    clock: shell.clock,
    signal: shell.signal,
    onProgress: (done, total, killed) => {
      if (shell.clock.monotonic() - saidAt < PROGRESS_MS) return;
      saidAt = shell.clock.monotonic();
      shell.terminal.say(`mutants: ${done} of ${total}, ${killed} killed`, 'dim');
    },
  });
  if (!report.ok) {
    reportProblems(shell, report.problems, { json: flags.json, what: directory, directory });
    return;
  }
  if (flags.junit !== undefined) {
    await replaceFile(flags.junit, new TextEncoder().encode(junitReport(report.value.run)), 0o644);
  }
  print(shell, report.value, flags.json);
  shell.exit(report.value.ok ? EXIT.ok : EXIT.testsFailed);
}

function print(shell: Shell, report: TestReport, json: boolean): void {
  if (json) printJson(shell, jsonReport(report));
  else {
    const { run, coverage, mutation } = report;
    for (const line of runLines(run)) shell.terminal.data(line);
    for (const line of coverage === undefined ? [] : coverageLines(coverage)) shell.terminal.data(line);
    for (const line of mutation === undefined ? [] : mutationLines(mutation)) shell.terminal.data(line);
  }
  for (const reason of report.missed) shell.terminal.say(reason, 'bad');
  const { failed } = report.run.tally;
  if (failed > 0) shell.terminal.say(`${failed} test${failed === 1 ? '' : 's'} failed`, 'bad');
  else if (report.ok) shell.terminal.say('all tests passed', 'good');
}
