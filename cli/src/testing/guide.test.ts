import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runForTest } from '../fake-terminal.js';
import { temporaryFolder } from '../temporary-folder.js';

const GUIDE = join(import.meta.dirname, '..', '..', '..', 'docs', 'guides', 'testing-policies.md');

type Step =
  | { readonly do: 'write'; readonly file: string; readonly text: string }
  | { readonly do: 'run'; readonly code: number; readonly argv: readonly string[]; readonly output: string };

/** The files that the guide has one write, and the commands that it has one run, with what they print; in order. */
function stepsOf(markdown: string): readonly Step[] {
  const steps: Step[] = [];
  const block = /(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm;
  let command: { readonly code: number; readonly argv: readonly string[] } | undefined;
  for (const [, file, language = '', text = ''] of markdown.matchAll(block)) {
    if (file !== undefined) steps.push({ do: 'write', file, text });
    else if (language === 'sh') {
      const code = Number(/^# exit code (\d+)$/m.exec(text)?.[1] ?? 0);
      const [, line = ''] = /^portcullis (.+)$/m.exec(text) ?? [];
      command = { code, argv: line.split(' ') };
    } else if (language === '' && command !== undefined) {
      steps.push({ do: 'run', ...command, output: text });
      command = undefined;
    }
  }
  return steps;
}

test('the guide does what it says, word by word', async () => {
  await using folder = await temporaryFolder();
  const steps = stepsOf(await readFile(GUIDE, 'utf8'));
  expect(steps.filter((step) => step.do === 'run')).toHaveLength(6);
  expect(steps.filter((step) => step.do === 'write')).toHaveLength(7);
  for (const step of steps) {
    if (step.do === 'write') {
      await mkdir(dirname(join(folder.path, step.file)), { recursive: true });
      await writeFile(join(folder.path, step.file), step.text);
      continue;
    }
    const argv = step.argv.map((word) => (word === 'policies' ? join(folder.path, word) : word));
    const { code, stdout, stderr } = await runForTest(argv);
    // How far it is, is said on a machine that takes its time.
    const output = `${stdout}${stderr}`.replaceAll(/^mutants: \d+ of \d+, \d+ killed\n/gm, '');
    expect({ argv: step.argv, code, output }).toEqual({
      argv: step.argv,
      code: step.code,
      output: step.output,
    });
  }
}, 60_000);
