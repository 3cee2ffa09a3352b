import { systemClock } from '@portcullis/runtime';
import type { Command } from 'commander';
import { EXIT_MEANINGS } from './exit-codes.js';
import { buildProgram } from './program.js';

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function examplesOf(command: Command): string {
  let text = '';
  // Help texts that are added are only reachable through the help that is printed.
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  const at = text.indexOf('\nExamples:\n');
  return at < 0
    ? ''
    : text
        .slice(at + '\nExamples:\n'.length)
        .replaceAll(/^ {2}/gm, '')
        .trim();
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
  const examples = examplesOf(command);
  if (examples !== '') lines.push('```sh', examples, '```', '');
  return [...lines, ...children];
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
    'Data goes to stdout, progress and problems to stderr. `NO_COLOR` is honoured. Connection settings come from flags,',
    'then from `PORTCULLIS_CLI_…` variables, then from `portcullis.yaml` (or `--context FILE`).',
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
