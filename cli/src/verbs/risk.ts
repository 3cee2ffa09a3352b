import { readFile } from 'node:fs/promises';
import { INSTRUCTIONS_FROM, instructionScore, recognise } from '@portcullis/policy/content';
import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { printJson, type Shell } from '../shell.js';
import { examples } from './arguments.js';

interface ScanFlags {
  readonly text: string;
  readonly values: boolean;
  readonly json: boolean;
}

/** Adds `risk scan`. */
export function addRiskVerbs(program: Command, shell: Shell): void {
  program
    .command('risk')
    .description('see what the risk stage sees')
    .command('scan')
    .description('look for instructions to an assistant, personal data and secrets in a text')
    .requiredOption('--text <FILE>', 'the text, or - for stdin')
    .option('--values', 'print what was found, too, and not only where', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['a web page that an agent reads', 'portcullis risk scan --text page.html'],
        ['what somebody pasted', 'pbpaste | portcullis risk scan --text - --json'],
      ),
    )
    .action(async ({ text: source, values, json }: ScanFlags) => {
      const text = await textFrom(shell, source);
      const instructions = instructionScore(text);
      const found = recognise(text).map(({ type, family, start, end, score }) => ({
        type,
        family,
        start,
        end,
        score: Math.round(score * 100) / 100,
        ...(values ? { value: text.slice(start, end) } : {}),
      }));
      const isSuspect = instructions.score >= INSTRUCTIONS_FROM;
      if (json) printJson(shell, { instructions: { ...instructions, flagged: isSuspect }, found });
      else {
        const features = instructions.features.length === 0 ? '' : ` (${instructions.features.join(', ')})`;
        shell.terminal.data(`instructions ${instructions.score.toFixed(2)}${features}`);
        for (const { type, start, end, score, ...rest } of found) {
          const value = 'value' in rest ? ` ${JSON.stringify(rest.value)}` : '';
          shell.terminal.data(`${type} ${score.toFixed(2)} at ${start}-${end}${value}`);
        }
      }
      if (isSuspect || found.length > 0) shell.exit(EXIT.findings);
    });
}

async function textFrom(shell: Shell, source: string): Promise<string> {
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (source === '-') return decode(await shell.terminal.input(shell.signal));
  try {
    return decode(await readFile(source));
  } catch (cause) {
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `--text: ${source} cannot be read`, { cause });
  }
}
