import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type CliRun, runForTest } from '../fake-terminal.js';
import { temporaryFolder } from '../temporary-folder.js';

const BUNDLE = `# The policies of acme.
format: portcullis.policy/1
name: acme
version: 1.0.0
sets:
  # Written by hand.
  - { name: own, layer: tenant, combining: priority, priority_order: desc, policies: own }
`;
const OWN = '{ name: Own, when: always, effect: log_only, priority: 1 }\n';

/** A policy directory, and a way to run `portcullis pack` on it. */
async function withPolicies(
  body: (pack: (...argv: readonly string[]) => Promise<CliRun>, file: (name: string) => string) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const file = (name: string): string => join(folder.path, name);
  await mkdir(file('own'));
  await writeFile(file('bundle.yaml'), BUNDLE);
  await writeFile(file('own/own.yaml'), OWN);
  await body((...argv) => runForTest(['pack', ...argv.map((word) => (word === 'DIR' ? folder.path : word))]), file);
}

/** A pack of one's own. */
async function writePack(folder: string, version: string, policies: string, parameters: string): Promise<void> {
  await mkdir(join(folder, 'policies'), { recursive: true });
  const manifest = `format: portcullis.pack/1
name: mine
version: ${version}
title: Mine
description: A pack of a test.
category: tools
layer: workspace
combining: priority
priority_order: desc
parameters:
${parameters}`;
  await writeFile(join(folder, 'pack.yaml'), manifest);
  await writeFile(join(folder, 'policies/mine.yaml'), policies);
}

const policy = (name: string, value: string): string =>
  `- { name: ${name}, when: { field: request.max_tokens, operator: greater_than, value: '${value}' }, effect: deny, priority: 5 }\n`;
const LIMIT = '  limit: { type: integer, default: 5, description: How much. }\n';

describe('pack list', () => {
  test('names every built-in pack', async () => {
    const { code, stdout } = await runForTest(['pack', 'list']);
    expect(code).toBe(0);
    expect(stdout).toContain('finance-external-llm');
    expect(stdout.split('\n').filter((line) => line !== '')).toHaveLength(23);
  });

  test('says which the directory uses, and whether they were edited', async () => {
    await withPolicies(async (pack, file) => {
      await pack('add', 'base', 'DIR');
      await pack('add', 'time-of-day', 'DIR', '--name', 'hours');
      await writeFile(file('packs/base/README.md'), 'mine');
      const { stdout } = await pack('list', 'DIR', '--json');
      expect(JSON.parse(stdout)).toMatchObject({
        used: [
          { name: 'base', version: '1.0.0', available: '1.0.0', folder: 'packs/base', sets: ['base'], edited: true },
          { name: 'time-of-day', sets: ['hours'], edited: false },
        ],
      });
    });
  });
});

describe('pack show', () => {
  test('prints parameters and policies', async () => {
    const { code, stdout } = await runForTest(['pack', 'show', 'default-rate-limit']);
    expect(code).toBe(0);
    expect(stdout).toContain('  max_requests = 600\n');
    expect(stdout).toContain(`  default-rate-limit [rate_limit: \${action}] Default Rate Limit\n`);
  });

  test('prints JSON', async () => {
    const { stdout } = await runForTest(['pack', 'show', 'gdpr', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'gdpr', requires: { 'pii-redaction': '^1.0.0' } });
  });

  test('suggests a name', async () => {
    const { code, stderr } = await runForTest(['pack', 'show', 'filesytem']);
    expect(code).toBe(2);
    expect(stderr).toContain('there is no built-in pack "filesytem"; did you mean "filesystem"?');
  });
});

describe('pack add', () => {
  test('copies the pack, adds a set and keeps the comments', async () => {
    await withPolicies(async (pack, file) => {
      const values = ['--set', 'allowed_roots=[/srv/data]', '--env', 'prod:write_effect=deny'];
      const { code, stdout, stderr } = await pack(
        'add',
        'filesystem',
        'DIR',
        '--layer',
        'tenant',
        '--tenant',
        'acme',
        ...values,
      );
      expect(stderr).toBe('added filesystem@1.0.0 as the set "filesystem" of the layer tenant\n');
      expect(code).toBe(0);
      expect(stdout.split('\n')).toContain('packs/filesystem/pack.yaml');
      expect(await readFile(file('bundle.yaml'), 'utf8')).toBe(`${BUNDLE}  - name: filesystem
    layer: tenant
    tenant: acme
    pack: packs/filesystem
    parameters:
      allowed_roots:
        - /srv/data
    environments:
      prod:
        write_effect: deny
`);
      expect((await runForTest(['validate', file('')])).code).toBe(0);
    });
  });

  test('takes a text as it is and everything else as YAML', async () => {
    await withPolicies(async (pack, file) => {
      await pack('add', 'base', 'DIR', '--set', 'risk_reviewers=1e3', '--set', 'minimum_trust=1e-1');
      expect(await readFile(file('bundle.yaml'), 'utf8')).toContain(
        'risk_reviewers: "1e3"\n      minimum_trust: 0.1\n',
      );
    });
  });

  test('adds a second set of the same pack under another name', async () => {
    await withPolicies(async (pack, file) => {
      await pack('add', 'time-of-day', 'DIR');
      const twin = await pack('add', 'time-of-day', 'DIR');
      expect(twin).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('give this one another name with --name'),
      });
      const { code, stdout } = await pack('add', 'time-of-day', 'DIR', '--name', 'night', '--set', 'from=22:00');
      expect(code).toBe(0);
      expect(stdout).toBe('bundle.yaml\n');
      expect(await readFile(file('bundle.yaml'), 'utf8')).toContain('name: night');
    });
  });

  test.each<[name: string, argv: readonly string[], code: number, message: string]>([
    ['a parameter that there is not', ['--set', 'frm=1'], 2, 'has no parameter "frm"; did you mean "from"?'],
    ['a value that is refused', ['--set', 'from=25:00'], 3, 'sets[1].parameters.from: from must match pattern'],
    ['a value for an environment that there is not', ['--env', 'prd:from=09:00'], 2, 'did you mean "prod"?'],
    ['no value', ['--set', 'from'], 2, '--set from: expected name=value'],
    ['what is not YAML', ['--set', 'days=[mon'], 2, 'the value is not YAML'],
    ['a layer that there is not', ['--layer', 'team'], 3, 'sets[1].layer'],
  ])('writes nothing for %s', async (_name, argv, code, message) => {
    await withPolicies(async (pack, file) => {
      const run = await pack('add', 'time-of-day', 'DIR', ...argv);
      expect(run.code).toBe(code);
      expect(run.stderr).toContain(message);
      expect(await readFile(file('bundle.yaml'), 'utf8')).toBe(BUNDLE);
      await expect(readFile(file('packs.lock'))).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  test('says which pack is missing', async () => {
    await withPolicies(async (pack) => {
      const alone = await pack('add', 'gdpr', 'DIR');
      expect(alone.code).toBe(3);
      expect(alone.stderr).toContain('add one with "portcullis pack add pii-redaction"');
      expect((await pack('add', 'pii-redaction', 'DIR')).code).toBe(0);
      expect((await pack('add', 'gdpr', 'DIR')).code).toBe(0);
    });
  });

  test('does not mind problems that were there before', async () => {
    await withPolicies(async (pack, file) => {
      await writeFile(file('own/own.yaml'), OWN.replace('log_only', 'lgo_only'));
      expect((await pack('add', 'base', 'DIR')).code).toBe(0);
    });
  });

  test('needs a policy directory', async () => {
    await withPolicies(async (pack, file) => {
      await rm(file('bundle.yaml'));
      const { code, stderr } = await pack('add', 'base', 'DIR');
      expect(code).toBe(1);
      expect(stderr).toContain('bundle.yaml is missing');
    });
  });
});

describe('pack upgrade', () => {
  test('shows what changes, changes nothing in a dry run, and then does', async () => {
    await withPolicies(async (pack, file) => {
      await writePack(
        file('.v1'),
        '1.0.0',
        policy('One', `\${limit}`) + policy('Two', `\${other}`),
        `${LIMIT}  other: { type: integer, default: 1, description: More. }\n`,
      );
      await writePack(
        file('.v2'),
        '1.1.0',
        policy('One', `\${limit}`).replace('priority: 5', 'priority: 6') + policy('Three', `\${limit}`),
        LIMIT.replace('5', '4'),
      );
      expect((await pack('add', 'mine', 'DIR', '--from', file('.v1'))).code).toBe(0);
      const dry = await pack('upgrade', 'mine', 'DIR', '--from', file('.v2'), '--dry-run');
      expect(dry).toEqual({
        code: 0,
        stderr: '',
        stdout: [
          'mine 1.0.0 -> 1.1.0 in packs/mine, sets: mine',
          '+ policy three',
          '- policy two',
          '~ policy one (priority)',
          '- parameter other',
          '~ parameter limit (default)',
          '',
        ].join('\n'),
      });
      expect(await readFile(file('packs/mine/pack.yaml'), 'utf8')).toContain('version: 1.0.0');
      const json = await pack('upgrade', 'mine', 'DIR', '--from', file('.v2'), '--dry-run', '--json');
      expect(JSON.parse(json.stdout)).toMatchObject({ applied: false, blocked: 'dry_run', plan: { edited: false } });
      const done = await pack('upgrade', 'mine', 'DIR', '--from', file('.v2'));
      expect(done).toMatchObject({ code: 0, stderr: 'upgraded mine to 1.1.0, 3 files\n' });
      expect(await readFile(file('packs/mine/pack.yaml'), 'utf8')).toContain('version: 1.1.0');
      const again = await pack('upgrade', 'mine', 'DIR', '--from', file('.v2'));
      expect(again).toMatchObject({ code: 0, stderr: 'mine 1.1.0 is what there is\n' });
    });
  });

  test('refuses to lose edits, unless they may be lost', async () => {
    await withPolicies(async (pack, file) => {
      await pack('add', 'base', 'DIR');
      const edited = file('packs/base/policies/risk.yaml');
      const original = await readFile(edited, 'utf8');
      await writeFile(edited, `${original}# mine\n`);
      await writeFile(file('packs/base/policies/extra.yaml'), OWN);
      const refused = await pack('upgrade', 'base', 'DIR');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('was edited: an upgrade would lose those changes; pass --force if it may');
      expect(await readFile(edited, 'utf8')).toContain('# mine');
      const forced = await pack('upgrade', 'base', 'DIR', '--force');
      expect(forced.code).toBe(0);
      expect(await readFile(edited, 'utf8')).toBe(original);
      await expect(readFile(file('packs/base/policies/extra.yaml'))).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  test('refuses a version that the bundle would not compile with', async () => {
    await withPolicies(async (pack, file) => {
      await writePack(file('.v1'), '1.0.0', policy('One', `\${limit}`), LIMIT);
      await writePack(file('.v2'), '2.0.0', policy('One', `\${cap}`), LIMIT.replace('limit', 'cap'));
      await pack('add', 'mine', 'DIR', '--from', file('.v1'), '--set', 'limit=3');
      const refused = await pack('upgrade', 'mine', 'DIR', '--from', file('.v2'));
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain('sets[1].parameters.limit: the pack has no parameter "limit"');
      expect(await readFile(file('packs/mine/pack.yaml'), 'utf8')).toContain('version: 1.0.0');
    });
  });

  test.each<[name: string, argv: readonly string[], message: string]>([
    ['a version that there is not', ['base', 'DIR', '--to', '9.0.0'], '--to 9.0.0: there is base 1.0.0 only'],
    ['a pack that is not used', ['sox', 'DIR'], 'does not use the pack "sox": add it with "portcullis pack add sox"'],
  ])('refuses %s', async (_name, argv, message) => {
    await withPolicies(async (pack) => {
      await pack('add', 'base', 'DIR');
      const { code, stderr } = await pack('upgrade', ...argv);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
    });
  });

  test('refuses a lock that is none', async () => {
    await withPolicies(async (pack, file) => {
      await pack('add', 'base', 'DIR');
      await writeFile(file('packs.lock'), 'packs: [');
      const { code, stderr } = await pack('upgrade', 'base', 'DIR');
      expect(code).toBe(1);
      expect(stderr).toContain('packs.lock is not the lock of vendored packs');
    });
  });
});
