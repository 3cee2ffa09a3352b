import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { runForTest } from '../fake-terminal.js';
import { TEMPLATE_NAMES } from '../init/templates.js';
import { type Files, GOOD, inFolder, MANIFEST, READS, TESTS } from '../sample-policies.js';

describe('portcullis fmt', () => {
  const UNTIDY = `# who may read\npriority: 50\nname: Reads # short\nwhen: {operator: equals, value: read_file, field: tool.name}\neffect: {type: allow}\n`;
  const TIDY = `# who may read\nname: Reads # short\nwhen: { field: tool.name, operator: equals, value: read_file }\neffect: { type: allow }\npriority: 50\n`;

  test('rewrites policies, keeps comments and permissions, and leaves everything else alone', () =>
    inFolder({ ...GOOD, 'p/base/reads.yaml': UNTIDY, 'p/README.md': 'x' }, async (at) => {
      const before = await stat(at('p/base/reads.yaml'));
      const run = await runForTest(['fmt', at('p')]);
      expect(run).toEqual({
        code: 0,
        stdout: `${at('p/base/reads.yaml')}\n`,
        stderr: `${at('p')}: 1 of 1 file rewritten\n`,
      });
      expect(await readFile(at('p/base/reads.yaml'), 'utf8')).toBe(TIDY);
      expect((await stat(at('p/base/reads.yaml'))).mode).toBe(before.mode);
      expect(await readFile(at('p/bundle.yaml'), 'utf8')).toBe(MANIFEST);
      expect(await readFile(at('p/tests/all.yaml'), 'utf8')).toBe(TESTS);
      expect((await runForTest(['fmt', at('p'), '--check'])).code).toBe(0);
    }));

  test('--check changes nothing and exits with 1; --diff shows the lines', () =>
    inFolder({ ...GOOD, 'p/base/reads.yaml': UNTIDY }, async (at) => {
      const run = await runForTest(['fmt', at('p'), '--check', '--diff']);
      expect(run.code).toBe(1);
      expect(run.stdout).toBe(
        `${at('p/base/reads.yaml')}\n  # who may read\n- priority: 50\n  name: Reads # short\n- when: {operator: equals, value: read_file, field: tool.name}\n- effect: {type: allow}\n+ when: { field: tool.name, operator: equals, value: read_file }\n+ effect: { type: allow }\n+ priority: 50\n\n`,
      );
      expect(await readFile(at('p/base/reads.yaml'), 'utf8')).toBe(UNTIDY);
      expect(JSON.parse((await runForTest(['fmt', at('p'), '--check', '--json'])).stdout)).toEqual({
        files: 1,
        changed: [at('p/base/reads.yaml')],
      });
    }));

  test('one file by itself, and a file that cannot be read', () =>
    inFolder({ 'one.yaml': UNTIDY, 'p/broken.yaml': 'name: [\n' }, async (at) => {
      expect((await runForTest(['fmt', at('one.yaml')])).code).toBe(0);
      expect(await readFile(at('one.yaml'), 'utf8')).toBe(TIDY);
      expect(await runForTest(['fmt', at('p')])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('broken.yaml:'),
      });
      const alone = await runForTest(['fmt', at('p/broken.yaml')]);
      expect([alone.code, alone.stderr.startsWith(`${at('p/broken.yaml')}:`)]).toEqual([3, true]);
    }));
});

describe('portcullis validate', () => {
  test('prints every problem of policies and tests with its place', () =>
    inFolder(
      {
        ...GOOD,
        'p/base/bad.yaml': 'name: x\nwhen: { field: tool.nme, operator: equalz, value: 1 }\neffect: allow\n',
        'p/tests/bad.yaml': 'format: portcullis.tests/1\nsuit: x\n',
      },
      async (at) => {
        const run = await runForTest(['validate', at('p')]);
        expect(run.code).toBe(3);
        expect(run.stderr).toMatch(
          /base\/bad\.yaml:2:16 when\.field: unknown field "tool\.nme"; did you mean "tool\.name"\?/,
        );
        expect(run.stderr).toMatch(/tests\/bad\.yaml:2:1 suit: /);
        const { problems } = JSON.parse((await runForTest(['validate', at('p'), '--json'])).stdout) as {
          problems: readonly unknown[];
        };
        expect(new Set(problems.map((problem) => JSON.stringify(problem))).size).toBe(problems.length);
      },
    ));

  test('a bundle, a directory, and neither', () =>
    inFolder(GOOD, async (at) => {
      await runForTest(['build', at('p'), '-o', at('b.tar.gz')]);
      const [directory, bundle] = [
        await runForTest(['validate', at('p'), '--json']),
        await runForTest(['validate', at('b.tar.gz'), '--json']),
      ];
      expect(JSON.parse(directory.stdout)).toMatchObject({ ok: true, policy_count: 1, policy_version: '1.0.0' });
      expect(bundle.stdout).toBe(directory.stdout);
      await writeFile(at('broken.tar.gz'), 'x');
      expect(await runForTest(['validate', at('broken.tar.gz')])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining(`${at('broken.tar.gz')}: the bundle is not a gzip file`),
      });
      expect((await runForTest(['validate'])).code).toBe(2);
      expect((await runForTest(['validate', at('nowhere')])).code).toBe(1);
    }));

  test('--schema prints the schema that editors use', async () => {
    const { stdout, code } = await runForTest(['validate', '--schema']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ $id: expect.stringContaining('policy.schema.json') });
  });
});

describe('portcullis diff', () => {
  const WIDER: Files = {
    'q/bundle.yaml': MANIFEST,
    'q/base/reads.yaml': READS.replace('equals, value: read_file', 'in, value: [read_file, write_file]'),
  };

  test('shows what is written differently and what is answered differently, with a confirmed request', () =>
    inFolder({ ...GOOD, ...WIDER }, async (at) => {
      const run = await runForTest(['diff', at('p'), at('q'), '--exit-code']);
      expect(run.code).toBe(7);
      expect(run.stdout).toContain('~ platform/base/reads: condition\n');
      expect(run.stdout).toContain(
        '\nplatform/base/reads\n  denied before, ALLOWED now\n    before: the default\n    now:    platform/reads\n',
      );
      expect(run.stderr).toContain('1 of them from a denial or a hold to an allow (every kind of request was tried)');
      const json = await runForTest(['diff', at('p'), at('q'), '--json']);
      expect(json.code).toBe(0);
      const { flips } = JSON.parse(json.stdout) as {
        flips: readonly { readonly request: unknown; readonly change: string }[];
      };
      expect(flips).toHaveLength(1);
      expect(flips[0]).toMatchObject({ change: 'deny_to_allow', request: { tool: { name: 'write_file' } } });
      await writeFile(at('request.json'), JSON.stringify(flips[0]?.request));
      for (const [folder, effect] of [
        ['p', 'deny'],
        ['q', 'allow'],
      ] as const) {
        const evaluated = await runForTest(['eval', at(folder), '--request', at('request.json')]);
        expect(evaluated.stdout.split('\n')[0]).toBe(effect);
      }
    }));

  test('bundles can be compared too, and equal policies say the same', () =>
    inFolder(GOOD, async (at) => {
      await runForTest(['build', at('p'), '-o', at('b.tar.gz')]);
      const run = await runForTest(['diff', at('b.tar.gz'), at('p'), '--exit-code']);
      expect(run).toEqual({ code: 0, stdout: '', stderr: 'the policies say the same\n' });
    }));

  test('what cannot be compiled is named', () =>
    inFolder({ ...GOOD, 'q/bundle.yaml': 'format: 1\n' }, async (at) => {
      expect(await runForTest(['diff', at('p'), at('q')])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('q/bundle.yaml'),
      });
      expect((await runForTest(['diff', at('p')])).code).toBe(2);
    }));
});

describe('portcullis init', () => {
  test.each(TEMPLATE_NAMES)('the template %s is valid, without findings, formatted, tested and covered', (template) =>
    inFolder({}, async (at) => {
      const made = await runForTest(['init', at('new'), '--template', template]);
      expect(made.code).toBe(0);
      expect(made.stdout).toContain(`${at('new')}/bundle.yaml\n`);
      const outcomes = [
        await runForTest(['validate', at('new')]),
        await runForTest(['lint', at('new'), '--deny-warnings']),
        await runForTest(['fmt', at('new'), '--check']),
        await runForTest(['test', at('new'), '--threshold', '100']),
      ];
      expect(outcomes.map(({ code, stderr }) => ({ code, stderr: code === 0 ? '' : stderr }))).toEqual(
        Array(4).fill({ code: 0, stderr: '' }),
      );
      expect(outcomes[1]?.stdout).toBe('');
      const [set = ''] = (await readdir(at('new'))).filter(
        (name) => !name.startsWith('.') && !['tests', 'bundle.yaml'].includes(name),
      );
      for (const file of await readdir(at(`new/${set}`))) {
        const [first = ''] = (await readFile(at(`new/${set}/${file}`), 'utf8')).split('\n');
        expect(first).toBe('# yaml-language-server: $schema=../.portcullis/policy.schema.json');
      }
      expect(JSON.parse(await readFile(at('new/.portcullis/policy.schema.json'), 'utf8'))).toHaveProperty('$id');
    }),
  );

  test('never writes over what is there, and names the bundle', () =>
    inFolder({ 'there/bundle.yaml': 'mine' }, async (at) => {
      expect(await runForTest(['init', at('there')])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('exists already'),
      });
      expect(await readFile(at('there/bundle.yaml'), 'utf8')).toBe('mine');
      expect(await readdir(at('there'))).toEqual(['bundle.yaml']);
      expect((await runForTest(['init', at('a b')])).code).toBe(2);
      expect((await runForTest(['init', at('a b'), '--name', 'ab'])).code).toBe(0);
      expect(await readFile(at('a b/bundle.yaml'), 'utf8')).toContain('name: ab\n');
    }));
});
