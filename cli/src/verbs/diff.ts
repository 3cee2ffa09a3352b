import { compareBundles } from '@portcullis/policy/analysis';
import type { Command } from 'commander';
import { diffLines, diffSummary } from '../diff/diff-text.js';
import { loadCompiled } from '../diff/load-compiled.js';
import { EXIT } from '../exit-codes.js';
import { reportProblems } from '../problems.js';
import { printJson, type Shell } from '../shell.js';
import { examples } from './arguments.js';

interface DiffFlags {
  readonly json: boolean;
  readonly exitCode: boolean;
}

/** Adds `diff`. */
export function addDiffVerb(program: Command, shell: Shell): void {
  program
    .command('diff')
    .description('say which requests two versions of the policies answer differently, with an example of each kind')
    .argument('<OLD>', 'a policy directory, or a bundle')
    .argument('<NEW>', 'a policy directory, or a bundle')
    .option('--json', 'print JSON', false)
    .option('--exit-code', 'exit code 7 when some request is answered differently', false)
    .addHelpText(
      'after',
      examples(
        ['what would a release change', 'portcullis diff released.tar.gz policies'],
        ['in a pipeline: nothing may change', 'portcullis diff before after --exit-code'],
      ),
    )
    .action(async (before: string, after: string, flags: DiffFlags) => {
      const [old, current] = [await loadCompiled(before), await loadCompiled(after)];
      if (!old.ok) {
        reportProblems(shell, old.problems, { json: flags.json, what: before, directory: before });
        return;
      }
      if (!current.ok) {
        reportProblems(shell, current.problems, { json: flags.json, what: after, directory: after });
        return;
      }
      const diff = compareBundles(old.value, current.value);
      if (flags.json) printJson(shell, diff);
      else for (const line of diffLines(diff)) shell.terminal.data(line);
      shell.terminal.say(diffSummary(diff), diff.flips.length === 0 ? 'good' : 'warning');
      if (flags.exitCode && diff.flips.length > 0) shell.exit(EXIT.findings);
    });
}
