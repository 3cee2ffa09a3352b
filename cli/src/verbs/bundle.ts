import type { Command } from 'commander';
import { inspectBundle } from '../bundle/inspect.js';
import { buildFromDirectory, readBundleFile } from '../bundle/load-engine.js';
import { replaceFile } from '../files/private-files.js';
import { inFile, reportProblems } from '../problems.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { examples } from './arguments.js';

interface JsonFlag {
  readonly json: boolean;
}

/** Adds `build` and `inspect`. */
export function addBundleVerbs(program: Command, shell: Shell): void {
  program
    .command('build')
    .description('pack a policy directory into a bundle and print its digest')
    .argument('<DIR>', 'a directory with a bundle.yaml')
    .requiredOption('-o, --output <FILE>', 'where to write the bundle')
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(['equal input gives equal bytes, on every machine', 'portcullis build policies -o bundle.tar.gz']),
    )
    .action(async (directory: string, flags: JsonFlag & { readonly output: string }) => {
      const built = await buildFromDirectory(directory);
      if (!built.ok) {
        reportProblems(shell, built.problems, { json: flags.json, what: directory, directory });
        return;
      }
      const { bytes, policyCount, policyVersion, sha256 } = built.value;
      await replaceFile(flags.output, bytes, 0o644);
      if (flags.json) {
        printJson(shell, {
          file: flags.output,
          sha256,
          bytes: bytes.byteLength,
          policy_version: policyVersion,
          policy_count: policyCount,
        });
        return;
      }
      shell.terminal.data(`sha256:${sha256}`);
      shell.terminal.say(
        `${flags.output}: ${policyCount} policies, version ${policyVersion}, ${bytes.byteLength} bytes`,
        'good',
      );
    });

  program
    .command('inspect')
    .description('show what is inside a bundle, after checking it as a PDP would')
    .argument('<FILE>', 'a bundle')
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples(['what would be released', 'portcullis inspect bundle.tar.gz --json']))
    .action(async (file: string, flags: JsonFlag) => {
      const report = await inspectBundle(await readBundleFile(file));
      if (!report.ok) {
        reportProblems(shell, inFile(file, report.problems), { json: flags.json, what: file });
        return;
      }
      const { value } = report;
      if (flags.json) {
        printJson(shell, value);
        return;
      }
      shell.terminal.data(`digest    sha256:${value.sha256}`);
      shell.terminal.data(`version   ${value.policy_version}`);
      shell.terminal.data(`policies  ${value.policy_count}`);
      shell.terminal.data(`facts     ${value.facts_needed.length === 0 ? 'none' : value.facts_needed.join(', ')}`);
      shell.terminal.data('');
      printTable(shell, [['FILE', 'BYTES', 'SHA-256'], ...value.files.map((f) => [f.path, String(f.bytes), f.sha256])]);
    });
}
