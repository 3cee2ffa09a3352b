import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runForTest } from '../fake-terminal.js';
import { runCli } from '../program.js';
import { temporaryFolder } from '../temporary-folder.js';
import { manifestOf, suiteOf } from '../testing/fake-folder.js';

const POLICY = `- name: Allow reads
  when: { field: tool.name, operator: equals, value: read }
  effect: allow
  priority: 10
- name: No secrets
  when: { field: tool.arguments.path, operator: contains, value: secret }
  effect: { type: deny, deny_reason_code: SECRET_PATH }
  priority: 90
`;
const GOOD = `  - { name: reads are allowed, request: { tool: { name: read, arguments: { path: a } } }, expect: allow }
  - name: secrets are not
    request: { tool: { name: read, arguments: { path: secret } } }
    expect: { reason_code: SECRET_PATH, policies: [no-secrets] }
  - { name: writes are not, request: { tool: { name: write } } }
`;
const BAD = `  - { name: wrong, request: { tool: { name: read, arguments: { path: secret } } }, expect: allow }
  - { name: later, skip: true, skip_reason: not yet }
  - { name: also wrong, request: { tool: { name: write } }, expect: allow }
`;

let root: AsyncDisposable & { readonly path: string };
const at = (...parts: readonly string[]): string => join(root.path, ...parts);

async function write(folder: string, files: { readonly [path: string]: string }): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(at(folder, path)), { recursive: true });
    await writeFile(at(folder, path), text);
  }
}

beforeAll(async () => {
  root = await temporaryFolder();
  const bundle = { 'bundle.yaml': manifestOf(), 'base/rules.yaml': POLICY };
  await write('good', { ...bundle, 'tests/good.yaml': suiteOf(GOOD) });
  await write('bad', {
    ...bundle,
    'tests/good.yaml': suiteOf(GOOD),
    'tests/bad.yaml': suiteOf(BAD).replace('suite: demo', 'suite: bad'),
  });
  await write('untested', bundle);
  await write('wrong', {
    ...bundle,
    'base/rules.yaml': POLICY.replace('tool.name', 'tool.nme'),
    'tests/a.yaml': suiteOf('  - { name: x, expekt: allow }\n'),
  });
  await write('names', {
    ...bundle,
    'tests/a.yaml': suiteOf(`  - name: x
    expect: { policies: [no-secret] }
    approved: [platform/base/no-secrets]
    readings: { allow-reads: 1 }
`),
  });
  await write('parameters', { ...bundle, 'tests/a.yaml': suiteOf(GOOD, 'parameters: { limit: 3 }\n') });
});
afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

describe('test', () => {
  test('passing tests: exit 0, the tally on stdout', async () => {
    expect(await runForTest(['test', at('good')])).toEqual({
      code: 0,
      stdout: 'ok      demo (tests/good.yaml): 3 cases\ntests     3 passed, 0 failed, of 3\n',
      stderr: 'all tests passed\n',
    });
  });

  test('a failing test: exit 4, what was expected, what was found, and why', async () => {
    const run = await runForTest(['test', at('bad')]);
    expect(run).toMatchObject({ code: 4, stderr: '2 tests failed\n' });
    expect(run.stdout).toContain(`FAILED  bad (tests/bad.yaml): 3 cases
  failed  tests/bad.yaml:5 wrong
    effect
      - expected "allow"
      + found    "deny"
    SECRET_PATH platform/no-secrets: denied by the policy "No secrets"
    deny: decided by platform/base
    policy version 1.0.0

    platform set "base" (priority): deny
        90 no-secrets [deny] matched, decided  base/rules.yaml:5
           it holds and decides the set: deny
`);
    expect(run.stdout).toContain('  skipped tests/bad.yaml:6 later: not yet\n');
    expect(run.stdout).toContain('tests     3 passed, 2 failed, 1 skipped, of 6\n');
  });

  test('when nothing took part, the nearest of what was expected is shown', async () => {
    const { stdout } = await runForTest(['test', at('bad'), '--filter', 'also wrong']);
    expect(stdout).toContain('10 allow-reads [allow] not_matched, none  base/rules.yaml:1');
    expect(stdout).toContain('- tool.name equals "read"   found "write"   (when)');
    expect(stdout).not.toContain('no-secrets');
  });

  test('--filter and --fail-fast', async () => {
    const filtered = await runForTest(['test', at('bad'), '--filter', 'SECRETS']);
    expect(filtered).toMatchObject({ code: 0, stdout: expect.stringContaining('1 passed, 0 failed, 5 not run, of 6') });
    const fast = await runForTest(['test', at('bad'), '--fail-fast']);
    expect(fast).toMatchObject({ code: 4, stdout: expect.stringContaining('0 passed, 1 failed, 5 not run, of 6') });
    const none = await runForTest(['test', at('good'), '--filter', 'nothing']);
    expect(none).toMatchObject({ code: 4, stderr: 'no test has "nothing" in its name\n' });
  });

  test('no tests are no success', async () => {
    expect(await runForTest(['test', at('untested')])).toMatchObject({
      code: 4,
      stderr: `there are no tests: expected suites in ${at('untested', 'tests')}\n`,
    });
  });

  test('problems of policies and of suites together: exit 3', async () => {
    const run = await runForTest(['test', at('wrong')]);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toMatch(
      /wrong\/base\/rules\.yaml:2:\d+ \[0\]\.when\.field: unknown field "tool\.nme".*did you mean/,
    );
    expect(run.stderr).toMatch(
      /wrong\/tests\/a\.yaml:5:16 tests\[0\]\.expekt: unknown key "expekt"; did you mean "expect"\?/,
    );
    const json = await runForTest(['test', at('wrong'), '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problems: [{ line: 2 }, { line: 5 }] });
  });

  test('names that no policy has: exit 3', async () => {
    const run = await runForTest(['test', at('names')]);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain(
      `test "x": there is no policy "no-secret"; did you mean "no-secrets"? (ERR_TESTS_NAME_UNKNOWN)`,
    );
    expect(run.stderr).toContain('test "x": there is no policy with a quota "allow-reads" (ERR_TESTS_NAME_UNKNOWN)');
    expect(run.stderr).toContain(
      'test "x": there is no policy that holds "platform/base/no-secrets" (ERR_TESTS_NAME_UNKNOWN)',
    );
  });

  test('only a pack has parameters', async () => {
    const run = await runForTest(['test', at('parameters')]);
    expect(run).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('only the suites of a pack give parameters'),
    });
  });

  test('--json has every case, and why one failed', async () => {
    const run = await runForTest(['test', at('bad'), '--json', '--coverage']);
    expect(run.code).toBe(4);
    expect(JSON.parse(run.stdout)).toMatchObject({
      ok: false,
      missed: [],
      tally: { total: 6, passed: 3, failed: 2, skipped: 1, not_run: 0 },
      suites: [
        {
          name: 'bad',
          file: 'tests/bad.yaml',
          cases: [
            {
              name: 'wrong',
              status: 'failed',
              line: 5,
              effect: 'deny',
              expected: { effect: 'allow' },
              differences: [{ what: 'effect', expected: 'allow', found: 'deny' }],
              explanation: { sets: [{ set: 'base' }] },
            },
            { name: 'later', status: 'skipped', reason: 'not yet' },
            { name: 'also wrong', status: 'failed' },
          ],
        },
        { name: 'demo', cases: [{ status: 'passed', effect: 'allow' }, { status: 'passed' }, { status: 'passed' }] },
      ],
      coverage: { rules: { covered: 2, total: 2, percent: 100 } },
    });
  });

  test('--junit writes a report beside what is printed', async () => {
    const run = await runForTest(['test', at('bad'), '--junit', at('report.xml')]);
    expect(run.stdout).toContain('tests     3 passed');
    expect(await readFile(at('report.xml'), 'utf8')).toContain(
      '<testsuites tests="6" failures="2" errors="0" skipped="1">',
    );
  });

  test('coverage: every gap with its place, and a threshold', async () => {
    const run = await runForTest(['test', at('bad'), '--filter', 'reads', '--coverage']);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain(`  base/rules.yaml:5 no-secrets never matched
  base/rules.yaml:6 no-secrets never true: tool.arguments.path contains "secret" (when)
  base/rules.yaml:2 allow-reads never false: tool.name equals "read" (when)
rules     50.00 % (1 of 2)
branches  50.00 % (3 of 6)
`);
    const gated = await runForTest(['test', at('bad'), '--filter', 'reads', '--threshold', '50.01']);
    expect(gated).toMatchObject({
      code: 4,
      stderr:
        'rule coverage is 50.00 %, below the threshold of 50.01 %\nbranch coverage is 50.00 %, below the threshold of 50.01 %\n',
    });
    expect(await runForTest(['test', at('bad'), '--filter', 'reads', '--threshold', '50'])).toMatchObject({ code: 0 });
    expect(await runForTest(['test', at('good'), '--threshold', '100'])).toMatchObject({ code: 0 });
  });

  test('mutants: every survivor with its place, and a threshold', async () => {
    const run = await runForTest(['test', at('good'), '--mutate']);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain(
      '  base/rules.yaml:6 no-secrets survived: "secret" became "secre" (when)\nmutants   90.00 % (9 of 10 killed, 1 survived)\n',
    );
    expect(await runForTest(['test', at('good'), '--mutate-threshold', '90.01'])).toMatchObject({
      code: 4,
      stderr: 'mutation score is 90.00 %, below the threshold of 90.01 %\n',
    });
    expect(await runForTest(['test', at('good'), '--mutate-threshold', '90'])).toMatchObject({ code: 0 });
    const json = await runForTest(['test', at('good'), '--mutate', '--json']);
    const report = JSON.parse(json.stdout) as { mutation: { mutants: { fate: string; killed_by?: string }[] } };
    expect(report.mutation).toMatchObject({ score: { covered: 9, total: 10, percent: 90 } });
    for (const { fate, killed_by } of report.mutation.mutants) expect(killed_by !== undefined).toBe(fate === 'killed');
  });

  test('no mutants while tests fail', async () => {
    const run = await runForTest(['test', at('bad'), '--mutate']);
    expect(run).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('no mutants were run: the tests must pass first'),
    });
  });

  test('--schema needs no folder, and knows the example', async () => {
    const run = await runForTest(['test', '--schema']);
    expect(run.code).toBe(0);
    const schema = JSON.parse(run.stdout) as { $schema: string; title: string };
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Portcullis test suite',
    });
    for (const key of ['reason_code', 'matrix', 'principals', 'data_classification'])
      expect(run.stdout).toContain(`"${key}"`);
  });

  test.each<[string, readonly string[], number, RegExp]>([
    ['no folder', ['test'], 2, /DIR is missing/],
    ['a percentage', ['test', 'x', '--threshold', '101'], 2, /percentage from 0 to 100/],
    ['another percentage', ['test', 'x', '--mutate-threshold', 'all'], 2, /percentage from 0 to 100/],
    ['--watch with --json', ['test', 'x', '--watch', '--json'], 2, /expected only one of them/],
    ['a folder that is not there', ['test', 'missing'], 1, /missing cannot be read/],
  ])('refuses %s', async (_name, argv, code, stderr) => {
    expect(await runForTest(argv)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(stderr) });
  });

  test('--watch runs again after a change and ends with 0 when interrupted', async () => {
    await write('watched', { 'bundle.yaml': manifestOf(), 'base/rules.yaml': POLICY, 'tests/a.yaml': suiteOf(BAD) });
    const stop = new AbortController();
    let stdout = '';
    let wake = (): void => undefined;
    const run = runCli(['test', at('watched'), '--watch'], {
      terminal: {
        width: 80,
        data: (text) => {
          stdout += `${text}\n`;
        },
        say: (text) => {
          if (text.startsWith('watching')) wake();
        },
        input: async () => new Uint8Array(),
      },
      signal: stop.signal,
    });
    const watching = (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve;
      });
    await watching();
    expect(stdout).toContain('2 failed');
    expect(stdout).not.toContain('\u001B');
    stdout = '';
    const again = watching();
    await write('watched', { 'tests/a.yaml': suiteOf(GOOD) });
    await again;
    expect(stdout).toContain('3 passed, 0 failed');
    stop.abort();
    expect(await run).toBe(0);
  });
});
