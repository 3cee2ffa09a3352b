import { environmentName, systemClock } from '@portcullis/runtime';
import type { Command } from 'commander';
import { z } from 'zod';
import { EXIT_MEANINGS } from './exit-codes.js';
import { buildProgram } from './program.js';
import { contextConfig, flagsFor } from './release/connection.js';

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What ends the help of a verb: its examples, and what is said after them. */
function endingOf(command: Command): { readonly examples: string; readonly words: string } {
  let text = '';
  // Help texts that are added are only reachable through the help that is printed.
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  const [, ending = ''] = text.split('\nExamples:\n');
  const [examples = '', ...words] = ending.replaceAll(/^ {2}/gm, '').trim().split('\n\n');
  return { examples, words: words.join('\n\n') };
}

function describe(command: Command, path: readonly string[]): readonly string[] {
  const full = [...path, command.name()];
  const children = command.commands.flatMap((child) => describe(child, full));
  // A verb with verbs below it is one itself only when it takes options.
  if (children.length > 0 && command.options.length === 0) return children;
  const lines = [
    `## ${full.join(' ')}`,
    '',
    `${upperFirst(command.description())}.`,
    '',
    '```',
    `${full.join(' ')} ${command.usage()}`,
    '```',
    '',
  ];
  for (const argument of command.registeredArguments) lines.push(`- \`${argument.name()}\`: ${argument.description}`);
  if (command.registeredArguments.length > 0) lines.push('');
  if (command.options.length > 0) {
    lines.push('| flag | meaning | default |', '| --- | --- | --- |');
    for (const option of command.options) {
      const value: unknown = option.defaultValue;
      const shown = typeof value === 'string' || typeof value === 'number' ? `\`${value}\`` : '';
      const required = option.mandatory ? 'required' : shown;
      lines.push(`| \`${option.flags.replaceAll('|', '\\|')}\` | ${escapeCell(option.description)} | ${required} |`);
    }
    lines.push('');
  }
  const { examples, words } = endingOf(command);
  if (examples !== '') lines.push('```sh', examples, '```', '');
  if (words !== '') lines.push(words, '');
  return [...lines, ...children];
}

interface Setting {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Setting>>;
}

/** What `portcullis.yaml` may say, and how else it is said. */
function connectionRows({ properties = {} }: Setting, path: readonly string[] = []): readonly string[] {
  return Object.entries(properties).flatMap(([key, setting]) => {
    const own = [...path, key];
    if (setting.properties !== undefined) return connectionRows(setting, own);
    const flags = flagsFor(own.join('.')).map((flag) => `\`${flag}\``);
    const cells = [`\`${own.join('.')}\``, flags.join(', '), `\`${environmentName('cli', own)}\``];
    return [`| ${cells.join(' | ')} | ${escapeCell(setting.description ?? '')} |`];
  });
}

/** `docs/reference/cli.md`: every verb of the command tree. Pure: the same tree gives the same text. */
export function commandReference(): string {
  const program = buildProgram({
    terminal: { width: 80, data: () => undefined, say: () => undefined, input: async () => new Uint8Array() },
    clock: systemClock,
    signal: new AbortController().signal,
    exit: () => undefined,
  });
  return [
    '# portcullis: command reference',
    '',
    '<!-- Generated from the command tree by cli/src/reference.ts. Do not edit. -->',
    '',
    'Data goes to stdout, progress and problems to stderr. `NO_COLOR` is honoured.',
    '',
    '## Connection settings',
    '',
    'Of the verbs that speak to a distributor, or to PDPs as an operator. A flag goes before a variable, and that before',
    '`portcullis.yaml` in the current folder, or the file that `--context` names. Relative paths are relative to the current folder.',
    '',
    '| setting | flag | variable | meaning |',
    '| --- | --- | --- | --- |',
    ...connectionRows(z.toJSONSchema(contextConfig, { io: 'input', reused: 'inline' }) as Setting),
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    ...program.commands.flatMap((command) => describe(command, ['portcullis'])),
  ].join('\n');
}
