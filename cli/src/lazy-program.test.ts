import { describe, expect, test } from '@jest/globals';
import { systemClock } from '@portcullis/runtime';
import type { CommandLineOptions } from './command-line.js';
import { runForTest } from './fake-terminal.js';
import { runLazily, VERB_GROUPS } from './lazy-program.js';
import { buildProgram } from './program.js';

async function lazily(argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' };
  const terminal: CommandLineOptions['terminal'] = {
    width: 80,
    data: (text) => {
      printed.stdout += `${text}\n`;
    },
    say: (text) => {
      printed.stderr += `${text}\n`;
    },
    input: async () => new Uint8Array(),
  };
  const code = await runLazily(argv, { terminal, signal: new AbortController().signal });
  return { code, ...printed };
}

describe('a command line that loads one verb', () => {
  test('knows every verb that there is, and no other', () => {
    const shell = {
      terminal: { width: 80, data: () => undefined, say: () => undefined, input: async () => new Uint8Array() },
      clock: systemClock,
      signal: new AbortController().signal,
      exit: () => undefined,
    };
    const names = buildProgram(shell).commands.map((command) => command.name());
    expect(Object.keys(VERB_GROUPS).toSorted()).toEqual(names.toSorted());
  });

  test.each([
    ...Object.keys(VERB_GROUPS).map((name) => [name, '--help']),
    ['--help'],
    ['--version'],
    ['-V'],
    [],
    ['relaese'],
    ['constructor'],
    ['release', 'pubish'],
    ['efficacy', 'text'],
  ])('says the same as the whole program: %s %s', async (...argv) => {
    const words = argv.filter((word) => typeof word === 'string');
    expect(await lazily(words)).toEqual(await runForTest(words));
  });
});
