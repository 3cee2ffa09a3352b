import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { type BenchReport, benchPolicies } from '../benching/bench-policies.js';
import { readRequests } from '../benching/read-requests.js';
import { reportProblems } from '../problems.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { examples, wholeNumber } from './arguments.js';

interface BenchFlags {
  readonly requests?: string;
  readonly seconds: number;
  readonly json: boolean;
}

/** Adds `bench`. */
export function addBenchVerb(program: Command, shell: Shell): void {
  program
    .command('bench')
    .description('measure how fast policies decide, in this process on this machine')
    .argument('<PATH>', 'a policy directory, a pack, or a bundle')
    .option(
      '--requests <FILE>',
      'canonical requests as JSON (one, a list, or one per line); those of the tests if absent',
    )
    .option('--seconds <N>', 'how long to measure', wholeNumber(1, 3600), 5)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['with the requests of the tests', 'portcullis bench policies'],
        ['with recorded requests', 'portcullis bench bundle.tar.gz --requests requests.jsonl --seconds 20 --json'],
      ),
    )
    .action(async (path: string, flags: BenchFlags) => {
      const given =
        flags.requests === undefined ? undefined : readRequests(await requestBytes(flags.requests), flags.requests);
      if (given?.ok === false) {
        reportProblems(shell, given.problems, { json: flags.json, what: 'nothing was measured' });
        return;
      }
      const report = await benchPolicies(path, given?.value, {
        seconds: flags.seconds,
        clock: shell.clock,
        signal: shell.signal,
      });
      if (!report.ok) {
        reportProblems(shell, report.problems, { json: flags.json, what: path, directory: path });
        return;
      }
      if (flags.json) printJson(shell, report.value);
      else printReport(shell, report.value);
    });
}

async function requestBytes(file: string): Promise<Uint8Array> {
  return readFile(file).then(
    (bytes) => new Uint8Array(bytes),
    (cause: unknown) => {
      const message = `--requests: ${file} cannot be read: expected a file of canonical requests`;
      throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
    },
  );
}

function printReport(shell: Shell, report: BenchReport): void {
  const { data } = shell.terminal;
  data(`policies  ${report.policies}`);
  data(`requests  ${report.requests}`);
  data(`compile   ${report.compile_ms} ms`);
  data(`link      ${report.link_ms} ms`);
  data(`decisions ${report.decisions_per_second} per second`);
  data(`p50       ${report.p50_us} us`);
  data(`p99       ${report.p99_us} us`);
  if (report.dearest.length === 0) return;
  data('');
  data('Policies by what their conditions cost when they are looked at:');
  printTable(shell, [
    ['US', 'POLICY', 'SET', 'PLACE'],
    ...report.dearest.map(({ us, policy, set, file, line }) => [us.toFixed(2), policy, set, `${file}:${line}`]),
  ]);
}
