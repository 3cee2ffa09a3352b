import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runForTest } from '../fake-terminal.js';
import { temporaryFolder } from '../temporary-folder.js';
import { manifestOf, suiteOf } from '../testing/fake-folder.js';

const FILES = {
  'good/bundle.yaml': manifestOf(),
  'good/base/a.yaml': `- { name: cheap, when: always, effect: allow, priority: 1 }
- name: dear
  when: { field: tool.arguments.text, operator: regex_match, value: '(a|b|c)+[^x]{2,20}(d|e)+$' }
  effect: deny
  priority: 5
`,
  'good/tests/a.yaml':
    suiteOf(`  - { name: x, request: { tool: { arguments: { text: ${'abc'.repeat(10_000)} } } }, expect: allow }
  - { name: y, skip: true, skip_reason: z }
`),
  'untested/bundle.yaml': manifestOf(),
  'untested/base/a.yaml': '{ name: cheap, when: always, effect: allow, priority: 1 }',
  'bad/bundle.yaml': manifestOf(),
  'bad/base/a.yaml': '{ name: cheap, when: alwys, effect: allow, priority: 1 }',
  'request.json': JSON.stringify({
    version: '1.0',
    tenant_id: 't',
    source: 'sdk',
    agent: { id: 'a' },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
  }),
  'request-bad.json': '{}',
};

let root: AsyncDisposable & { readonly path: string };
const at = (...parts: readonly string[]): string => join(root.path, ...parts);
/** A clock that every look moves on, so that a second is a few looks. */
const quick = (): { now(): number; monotonic(): number } => {
  let time = 0;
  return { now: () => 0, monotonic: () => (time += 10) };
};

beforeAll(async () => {
  root = await temporaryFolder();
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), text);
  }
  expect((await runForTest(['build', at('good'), '-o', at('good.tar.gz')])).code).toBe(0);
});
afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

describe('bench', () => {
  test('with the requests of the tests', async () => {
    const run = await runForTest(['bench', at('good'), '--seconds', '1'], { clock: quick() });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(
      /^policies {2}2\nrequests {2}1\ncompile {3}10 ms\nlink {6}10 ms\ndecisions \d+ per second\np50 {7}10000 us\np99 {7}10000 us\n/,
    );
  });

  test('the dearest policy comes first', async () => {
    const run = await runForTest(['bench', at('good'), '--seconds', '1', '--json']);
    expect(run.code).toBe(0);
    const report = JSON.parse(run.stdout) as { decisions_per_second: number; timed: number };
    expect(report).toMatchObject({
      policies: 2,
      requests: 1,
      dearest: [{ policy: 'dear', file: 'base/a.yaml', line: 2 }, { policy: 'cheap' }],
    });
    expect(report.decisions_per_second).toBeGreaterThan(0);
    expect(report.timed).toBeGreaterThan(0);
  });

  test.each(['good', 'untested', 'good.tar.gz'])('with given requests: %s', async (path) => {
    const argv = ['bench', at(path), '--requests', at('request.json'), '--seconds', '1', '--json'];
    const run = await runForTest(argv, { clock: quick() });
    expect(run).toMatchObject({ code: 0 });
    expect(JSON.parse(run.stdout)).toMatchObject({ requests: 1 });
  });

  test.each<[string, readonly string[], number, RegExp]>([
    ['no requests', ['untested'], 2, /has no tests to take requests from: give --requests FILE/],
    ['a bundle without requests', ['good.tar.gz'], 2, /give --requests FILE/],
    ['bad policies', ['bad'], 3, /bad\/base\/a\.yaml:1:\d+ when/],
    ['bad requests', ['good', '--requests', 'request-bad.json'], 3, /version: is required/],
    [
      'requests that are not there',
      ['good', '--requests', 'missing.json'],
      1,
      /--requests: .*missing\.json cannot be read/,
    ],
    ['nothing there', ['missing'], 1, /does not exist: expected a policy directory, a pack or a bundle/],
    ['no time', ['good', '--seconds', '0'], 2, /whole number from 1 to 3600/],
  ])('refuses %s', async (_name, args, code, stderr) => {
    const argv = args.map((arg) => (arg.startsWith('--') || /^\d+$/.test(arg) ? arg : at(arg)));
    expect(await runForTest(['bench', ...argv])).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringMatching(stderr),
    });
  });
});
