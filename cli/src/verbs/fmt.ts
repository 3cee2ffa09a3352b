import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { replaceFile } from '../files/private-files.js';
import { formatFiles } from '../format/format-files.js';
import { lineDiff } from '../format/line-diff.js';
import { reportProblems } from '../problems.js';
import { printJson, type Shell } from '../shell.js';
import { examples } from './arguments.js';

interface FmtFlags {
  readonly check: boolean;
  readonly diff: boolean;
  readonly json: boolean;
}

/** Adds `fmt`. */
export function addFmtVerb(program: Command, shell: Shell): void {
  program
    .command('fmt')
    .description('write policies in their canonical layout; comments stay, and nothing that is said changes')
    .argument('[PATH]', 'a policy directory, or a policy file', '.')
    .option('--check', 'only name the files that are written otherwise; exit code 1 when there are any', false)
    .option('--diff', 'with --check: also show the lines that would change', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['before a commit', 'portcullis fmt policies'],
        ['in a pipeline', 'portcullis fmt policies --check --diff'],
      ),
    )
    .action(async (path: string, flags: FmtFlags) => {
      const formatted = await formatFiles(path);
      if (!formatted.ok) {
        const directory = (await stat(path)).isDirectory() ? path : dirname(path);
        reportProblems(shell, formatted.problems, { json: flags.json, what: path, directory });
        return;
      }
      const changed = formatted.value.filter(({ before, after }) => before !== after);
      if (!flags.check) for (const file of changed) await replaceFile(file.path, file.after, file.mode);
      if (flags.json) printJson(shell, { files: formatted.value.length, changed: changed.map((file) => file.path) });
      else {
        for (const file of changed) {
          shell.terminal.data(file.path);
          if (flags.check && flags.diff)
            for (const line of lineDiff(file.before, file.after)) shell.terminal.data(line);
        }
      }
      const count = `${changed.length} of ${formatted.value.length} file${formatted.value.length === 1 ? '' : 's'}`;
      if (!flags.check) shell.terminal.say(`${path}: ${count} rewritten`, 'good');
      else if (changed.length === 0) shell.terminal.say(`${path}: ${count} would change`, 'good');
      else {
        shell.terminal.say(`${path}: ${count} would change; run portcullis fmt ${path}`, 'bad');
        shell.exit(EXIT.failure);
      }
    });
}
