import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { commandReference } from '@portcullis/cli';
import { repositoryRoot } from '../support/root.js';

const root = repositoryRoot();
const PAPERS = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })].toSorted();

/** Every verb with its flags, by the words after `portcullis`. */
const VERBS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  commandReference()
    .split(/^## portcullis /m)
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      new Set(['--help', ...[...section.matchAll(/^\| `(?:-\w, )?(--[\w-]+)/gm)].map(([, flag = '']) => flag)]),
    ]),
);

/** What stands in code and begins with `portcullis`: lines of blocks, continued ones as one, and code inside of a line. */
function commandsOf(paper: string): readonly string[] {
  const text = readFileSync(join(root, paper), 'utf8');
  const blocks = [...text.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, block = '']) => block.replaceAll(/\\\n\s*/g, ''));
  const lines = blocks.flatMap((block) => block.split('\n')).map((line) => line.replace(/^\$ /, ''));
  const inline = [...text.replaceAll(/^```.*?^```$/gms, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  return [...lines, ...inline]
    .flatMap((line) => line.split(/&&|;|\s[|<>]|\s#/))
    .map((part) => part.replaceAll(/\s+/g, ' ').trim())
    .filter((part) => part.startsWith('portcullis ') && !part.startsWith('portcullis --'))
    .filter((part) => !NO_COMMANDS.includes(part));
}

/** What a group does that is given flags alone. */
const DEFAULTS: Readonly<Record<string, string>> = { efficacy: 'efficacy replay' };

/** Names that begin like a command: spans of traces. */
const NO_COMMANDS: readonly string[] = ['portcullis decide'];

/** Why nobody could type it; nothing when one could. */
function fault(command: string): string | undefined {
  const [, first = '', word = ''] = command.split(' ');
  const second = word.startsWith('-') ? '' : (word.split('|')[0] ?? '');
  const verb = [`${first} ${second}`, first, word.startsWith('--') ? DEFAULTS[first] : undefined].find(
    (name) => name !== undefined && VERBS.has(name),
  );
  const isGroup = [...VERBS.keys()].some((name) => name.startsWith(`${first} `));
  if (verb === undefined) return isGroup && second === '' ? undefined : `${command}: no such verb`;
  // What is quoted is a value.
  const flags = [...command.replaceAll(/"[^"]*"|'[^']*'/g, '').matchAll(/ (--[a-z][\w-]*)/g)].map(
    ([, name = '']) => name,
  );
  const strange = flags.filter((flag) => VERBS.get(verb)?.has(flag) !== true);
  return strange.length === 0 ? undefined : `${command}: ${verb} has no ${strange.join(', ')}`;
}

/** Flags of services and of the repository's own scripts. */
const OTHER_FLAGS: ReadonlySet<string> = new Set(['--set', '--config', '--print-config', '--check-config', '--only']);
/** Papers that tell how things are; others also tell how they were. */
const GUIDES = PAPERS.filter((paper) => /^README\.md$|^docs\/(?:guides|runbooks)\//.test(paper));

/** Flags that are named by themselves, in code inside of a line, and that nothing has. */
function strangeFlags(text: string): readonly string[] {
  const named = [...text.replaceAll(/^```.*?^```$/gms, '').matchAll(/`(--[a-z][\w-]*)/g)].map(([, name = '']) => name);
  return named.filter((name) => !OTHER_FLAGS.has(name) && ![...VERBS.values()].some((flags) => flags.has(name)));
}

describe('commands that the papers show', () => {
  test('are found, and compared with the command line', () => {
    expect(VERBS.size).toBeGreaterThan(40);
    expect(PAPERS.flatMap(commandsOf).length).toBeGreaterThan(200);
    expect(fault('portcullis audit verify audit --key k')).toBeUndefined();
    expect(fault('portcullis audit verfy audit')).toContain('no such verb');
    expect(fault('portcullis efficacy tex --data d')).toContain('no such verb');
    expect(fault('portcullis audit verify audit --keys k')).toContain('has no --keys');
  });

  test.each(PAPERS)('%s: can be typed', (paper) => {
    expect(
      commandsOf(paper)
        .map(fault)
        .filter((found) => found !== undefined),
    ).toEqual([]);
  });

  test('flags that are named by themselves are found', () => {
    expect(strangeFlags('`--min-acks 0.9` and `--wait`')).toEqual(['--min-acks']);
    expect(GUIDES.length).toBeGreaterThan(20);
  });

  test.each(GUIDES)('%s: names flags that there are', (paper) => {
    expect(strangeFlags(readFileSync(join(root, paper), 'utf8'))).toEqual([]);
  });
});
