import { writeFile } from 'node:fs/promises';
import type { JsonObject } from '@portcullis/policy/model';
import type { Command } from 'commander';
import type { Shell } from '../shell.js';
import { examples } from '../verbs/arguments.js';
import { readCorpus } from './corpus.js';
import { findPersonalData } from './pii.js';
import { judgeTrace } from './risk.js';
import { judgeText } from './text.js';

interface ScanFlags {
  readonly data: string;
  readonly out?: string;
}

const SCANS: readonly {
  readonly name: string;
  readonly description: string;
  readonly judge: (row: JsonObject) => JsonObject;
}[] = [
  {
    name: 'text',
    description: 'look for instructions to an assistant in labelled texts: a score and a verdict per text',
    judge: judgeText,
  },
  {
    name: 'pii',
    description: 'look for personal data in labelled texts: the spans of each',
    judge: findPersonalData,
  },
  {
    name: 'risk',
    description: 'assess recorded runs of agents call by call: the worst risk of each, without habits of the agent',
    judge: judgeTrace,
  },
];

/** The command `efficacy`, which more than one part of the tool adds to. */
export function efficacyCommand(program: Command): Command {
  return (
    program.commands.find((command) => command.name() === 'efficacy') ??
    program.command('efficacy').description('run the built-in protection over labelled data and write what it says')
  );
}

/** Adds `efficacy text`, `efficacy pii` and `efficacy risk`. */
export function addEfficacyScans(program: Command, shell: Shell): void {
  const efficacy = efficacyCommand(program);
  for (const { name, description, judge } of SCANS) {
    efficacy
      .command(name)
      .description(description)
      .requiredOption('--data <DIR>', `folder of the data: *.jsonl and *.jsonl.gz in it, or in its folder ${name}`)
      .option('--out <FILE>', 'write there instead of to stdout')
      .addHelpText(
        'after',
        examples(['one line of JSON per row', `portcullis efficacy ${name} --data ./data --out ${name}.jsonl`]),
      )
      .action(async ({ data, out }: ScanFlags) => {
        const rows = await readCorpus(data, name);
        const lines = rows.map((row) => JSON.stringify(judge(row)));
        if (out === undefined) shell.terminal.data(lines.join('\n'));
        else await writeFile(out, `${lines.join('\n')}\n`);
        shell.terminal.say(`${rows.length} rows`, 'good');
      });
  }
}
