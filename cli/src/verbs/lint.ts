import { stat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { EXIT } from '../exit-codes.js';
import { lintPath } from '../lint/lint-folder.js';
import { inDirectory, LINT_FORMATS, type LintFormat, lintReport, lintSummary } from '../lint/report.js';
import { reportProblems } from '../problems.js';
import type { Shell } from '../shell.js';
import { examples } from './arguments.js';

interface LintFlags {
  readonly format: LintFormat;
  readonly json: boolean;
  readonly denyWarnings: boolean;
}

/** Undecided policies that are named. */
const SHOWN_UNDECIDED = 20;

/** Adds `lint`. */
export function addLintVerb(program: Command, shell: Shell): void {
  program
    .command('lint')
    .description(
      'find policies that do not do what they say: unreachable, contradictory, never true, too broad, untested',
    )
    .argument('<PATH>', 'a directory with a bundle.yaml or a pack.yaml, or a bundle')
    .addOption(new Option('--format <FORMAT>', 'how to report').choices(LINT_FORMATS).default('pretty'))
    .option('--json', 'the same as --format json', false)
    .option('--deny-warnings', 'let warnings count as errors', false)
    .addHelpText(
      'after',
      examples(
        ['exit code 7 when there is an error', 'portcullis lint policies'],
        [
          'in a workflow of GitHub: findings at their lines',
          'portcullis lint policies --format github --deny-warnings',
        ],
        ['for code scanning', 'portcullis lint policies --format sarif > lint.sarif'],
      ),
    )
    .action(async (path: string, flags: LintFlags) => {
      const format = flags.json ? 'json' : flags.format;
      const linted = await lintPath(path);
      const directory = (await stat(path)).isDirectory() ? path : '';
      if (!linted.ok) {
        reportProblems(shell, linted.problems, { json: format === 'json', what: path, directory });
        return;
      }
      const result = linted.value;
      const report = lintReport(result, format, directory);
      if (report !== '') shell.terminal.data(report);
      for (const { policy, file, line } of result.undecided.slice(0, SHOWN_UNDECIDED)) {
        const place = `${inDirectory(file, directory)}:${line}`;
        shell.terminal.say(`${place} ${policy}: not decided whether it ever has a say`, 'dim');
      }
      const more = result.undecided.length - SHOWN_UNDECIDED;
      if (more > 0) shell.terminal.say(`and ${more} more of which that is not decided; --json lists them`, 'dim');
      const bad = result.findings.some(
        ({ severity }) => severity === 'error' || (flags.denyWarnings && severity === 'warning'),
      );
      const clean = result.findings.length === 0;
      shell.terminal.say(`${path}: ${lintSummary(result)}`, bad ? 'bad' : clean ? 'good' : 'warning');
      if (bad) shell.exit(EXIT.findings);
    });
}
