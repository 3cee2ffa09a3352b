import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  openTrustedRoot,
  parseTargets,
  releasesRole,
  signersOf,
  verifyNextRoot,
  verifyRole,
} from '@portcullis/policy/trust';
import { temporaryFolder } from '../temporary-folder.js';
import { initTrust, type TrustInitResult } from './init.js';
import { readSigningKeys } from './keys.js';
import { parseRoleKeys, rotateRootFile } from './rotate.js';
import { describeRoot } from './show.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');

async function init(directory: string, profile: 'dev' | 'team', envs = ['prod']): Promise<TrustInitResult> {
  return initTrust({ profile, envs, directory, now: NOW, force: false });
}

async function tree(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

const METADATA = ['aborts-prod', 'kills-prod', 'releases-prod', 'root', 'snapshot', 'targets'].map(
  (role) => `metadata/1.${role}.json`,
);

describe('trust init', () => {
  test('dev: every key in one folder', async () => {
    await using folder = await temporaryFolder();
    const made = await init(folder.path, 'dev');
    const keys = ['aborts', 'kills', 'releases', 'root', 'snapshot', 'targets', 'timestamp'].map(
      (role) => `keys/${role}.pem`,
    );
    expect(await tree(folder.path)).toEqual([...keys, ...METADATA, 'metadata/timestamp.json', 'root.json']);
    expect(made.distributorKeys).toBe(join(folder.path, 'keys'));
    expect(made.publisherKeys).toEqual([join(folder.path, 'keys')]);
    for (const key of keys) expect((await stat(join(folder.path, key))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder.path, 'keys'))).mode & 0o777).toBe(0o700);
  });

  test('team: one folder per holder, and a page of who takes what', async () => {
    await using folder = await temporaryFolder();
    const made = await init(folder.path, 'team');
    expect((await tree(folder.path)).filter((path) => path.startsWith('holders/'))).toEqual([
      'holders/abort/aborts.pem',
      'holders/distributor/snapshot.pem',
      'holders/distributor/timestamp.pem',
      'holders/operator-1/kills.pem',
      'holders/operator-2/kills.pem',
      'holders/policy-owner-1/targets.pem',
      'holders/policy-owner-2/targets.pem',
      'holders/release-manager-1/releases.pem',
      'holders/release-manager-2/releases.pem',
      'holders/root-1/root.pem',
      'holders/root-2/root.pem',
      'holders/root-3/root.pem',
    ]);
    expect(made.distributorKeys).toBe(join(folder.path, 'holders', 'distributor'));
    expect(await readFile(join(folder.path, 'CUSTODY.md'), 'utf8')).toBe(made.page);
    for (const row of made.custody) expect(made.page).toContain(row.file);
    expect(made.page).toMatch(/Move holders\/root-1\/root.pem, .* not connected/);
    expect(made.custody.filter((row) => row.custody === 'offline').map((row) => row.holder)).toEqual([
      'root-1',
      'root-2',
      'root-3',
    ]);
    expect(made.custody.filter((row) => row.custody === 'on the distributor').map((row) => row.role)).toEqual([
      'snapshot',
      'timestamp',
    ]);
  });

  test('the written metadata verifies from the written root', async () => {
    await using folder = await temporaryFolder();
    await init(folder.path, 'team', ['staging', 'prod']);
    const read = async (name: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(folder.path, name)));
    const root = openTrustedRoot(await read('root.json'));
    const targets = parseTargets(await read('metadata/1.targets.json'));
    if (!root.ok || !targets.ok) throw new Error('unreadable');
    expect(verifyRole(root.value, 'targets', targets.value)).toEqual({ ok: true, value: undefined });
    for (const env of ['staging', 'prod']) {
      const releases = parseTargets(await read(`metadata/1.${releasesRole(env)}.json`));
      if (!releases.ok) throw new Error('unreadable');
      expect(verifyRole(targets.value, releasesRole(env), releases.value)).toEqual({ ok: true, value: undefined });
    }
  });

  test('never overwrites by accident: the keys of yesterday stay', async () => {
    await using folder = await temporaryFolder();
    await init(folder.path, 'dev');
    const before = await readFile(join(folder.path, 'keys', 'root.pem'), 'utf8');
    await expect(init(folder.path, 'dev')).rejects.toMatchObject({ code: 'ERR_CLI_EXISTS' });
    expect(await readFile(join(folder.path, 'keys', 'root.pem'), 'utf8')).toBe(before);
  });

  test.each([[['Prod']], [[]], [['prod', 'prod']], [['../x']]])(
    'refuses the environments %j and writes nothing',
    async (envs) => {
      await using folder = await temporaryFolder();
      await expect(init(folder.path, 'dev', envs)).rejects.toMatchObject({ code: 'ERR_TRUST_INIT' });
      expect(await tree(folder.path)).toEqual([]);
    },
  );
});

describe('readSigningKeys', () => {
  test('opens every key of the folders, once each', async () => {
    await using folder = await temporaryFolder();
    const { publisherKeys } = await init(folder.path, 'team');
    expect(await readSigningKeys(publisherKeys)).toHaveLength(4);
    expect(await readSigningKeys([...publisherKeys, ...publisherKeys])).toHaveLength(4);
  });

  test.each([
    ['missing', /cannot be read/],
    ['metadata', /holds no \*\.pem/],
  ])('refuses the folder %s', async (name, message) => {
    await using folder = await temporaryFolder();
    await init(folder.path, 'dev');
    await expect(readSigningKeys([join(folder.path, name)])).rejects.toThrow(message);
  });
});

describe('trust rotate-root', () => {
  const holder = (path: string, name: string): string => join(path, 'holders', name);

  test('renews with two of three, and PDPs with the old root accept the new one', async () => {
    await using folder = await temporaryFolder();
    await init(folder.path, 'team');
    const current = new Uint8Array(await readFile(join(folder.path, 'root.json')));
    const keyDirectories = [holder(folder.path, 'root-1'), holder(folder.path, 'root-3')];
    const next = await rotateRootFile({ current, keyDirectories, replace: [], now: NOW });
    const old = openTrustedRoot(current);
    if (!old.ok) throw new Error('unreadable');
    expect(verifyNextRoot(old.value, next.bytes)).toMatchObject({ ok: true });
    expect(describeRoot(next.bytes, NOW)).toMatchObject({ ok: true, value: { version: 2, expired: false } });
  });

  test('replaces the keys of a role', async () => {
    await using folder = await temporaryFolder();
    await using other = await temporaryFolder();
    await init(folder.path, 'team');
    await init(other.path, 'team');
    const current = new Uint8Array(await readFile(join(folder.path, 'root.json')));
    const next = await rotateRootFile({
      current,
      keyDirectories: [holder(folder.path, 'root-1'), holder(folder.path, 'root-2')],
      replace: [parseRoleKeys(`targets=${holder(other.path, 'policy-owner-1')}:1`)],
      now: NOW,
    });
    const root = openTrustedRoot(next.bytes);
    if (!root.ok) throw new Error('unreadable');
    const [key] = await readSigningKeys([holder(other.path, 'policy-owner-1')]);
    expect(signersOf(root.value, 'targets')).toMatchObject({ keyIds: [key?.keyId], threshold: 1 });
  });

  test('refuses one of three, and keys of another role', async () => {
    await using folder = await temporaryFolder();
    await init(folder.path, 'team');
    const current = new Uint8Array(await readFile(join(folder.path, 'root.json')));
    for (const names of [['root-1'], ['root-1', 'policy-owner-1'], ['abort', 'distributor']]) {
      const keyDirectories = names.map((name) => holder(folder.path, name));
      await expect(rotateRootFile({ current, keyDirectories, replace: [], now: NOW })).rejects.toMatchObject({
        code: 'ERR_TRUST_ROTATE',
      });
    }
  });

  test.each(['targets', 'targets=', 'releases=x', '=x', 'root=x:0'])(
    'refuses --replace %j or reads it as a path',
    (text) => {
      if (text === 'root=x:0') expect(parseRoleKeys(text)).toEqual({ role: 'root', directory: 'x:0' });
      else expect(() => parseRoleKeys(text)).toThrow(expect.objectContaining({ code: 'ERR_CLI_USAGE' }));
    },
  );
});

test('describeRoot tells an expired root, and refuses one that is not signed', async () => {
  await using folder = await temporaryFolder();
  await init(folder.path, 'dev');
  const bytes = new Uint8Array(await readFile(join(folder.path, 'root.json')));
  expect(describeRoot(bytes, NOW + 366 * 86_400_000)).toMatchObject({ ok: true, value: { expired: true } });
  const forged = new TextEncoder().encode(new TextDecoder().decode(bytes).replace('"threshold":1', '"threshold":2'));
  expect(describeRoot(forged, NOW)).toMatchObject({ ok: false });
});
