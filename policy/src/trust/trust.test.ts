import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Checked } from '../model/index.js';
import { createTrust, type KeyRole, type Trust } from './create-trust.js';
import { expiryAfter, hashesOf, parseRoot, parseSnapshot, parseTargets, parseTimestamp } from './metadata.js';
import { BUNDLE_PATH, metadataFileName, parseMetadataFileName, targetKey } from './paths.js';
import { encodeReleasePointer, type ReleasePointer } from './release-pointer.js';
import { addBundleTarget, coSign, rotateRoot, signAborts, signReleases, signTargets } from './sign-offline.js';
import { issuedAt, signSnapshot, signTimestamp } from './sign-online.js';
import { newEd25519Key, openSigningKey, type SigningKey } from './signing-key.js';
import { isExpired, openTrustedRoot, verifyNextRoot, verifyRole } from './verify.js';

const NOW = Date.parse('2026-01-01T00:00:00.500Z');
const DAY = 86_400_000;
const bundle = new TextEncoder().encode('a bundle');

function value<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}
const codes = (checked: Checked<unknown>): string[] => (checked.ok ? [] : checked.problems.map((found) => found.code));
const fresh = (): SigningKey => value(openSigningKey(newEd25519Key()));
const file = (trust: Trust, name: string): Uint8Array => trust.files.get(name) ?? new Uint8Array();
const keys = (trust: Trust, role: KeyRole): SigningKey[] =>
  trust.keys.filter((key) => key.role === role).map((key) => value(openSigningKey(key.pem)));

let dev: Trust;
let team: Trust;
beforeAll(() => {
  dev = value(createTrust({ profile: 'dev', env: 'dev', now: NOW }));
  team = value(createTrust({ profile: 'team', env: ['staging', 'prod'], now: NOW }));
});
const signing = (trust: Trust, name: string, signers: readonly SigningKey[]) => ({
  current: file(trust, name),
  keys: signers,
  now: NOW,
  lifetimeMs: DAY,
});
const pointerOf = (sha256: string, more: Partial<ReleasePointer> = {}): ReleasePointer => ({
  _type: 'portcullis.release/1',
  env: 'dev',
  channel: 'default',
  seq: 1,
  issued_at: '2026-01-01T00:00:00Z',
  not_after: '2026-02-01T00:00:00Z',
  stable: { target: BUNDLE_PATH(sha256), sha256, policy_version: '1.0.0' },
  candidate: null,
  rollout: null,
  activation: { min_acks: 0 },
  actor: 'alice',
  ...more,
});

describe('createTrust', () => {
  test('every role of a fresh trust verifies against its delegator', () => {
    for (const [trust, envs] of [
      [dev, ['dev']],
      [team, ['staging', 'prod']],
    ] as const) {
      const root = value(openTrustedRoot(file(trust, 'root.json')));
      const targets = value(parseTargets(file(trust, 'targets.json')));
      expect(verifyRole(root, 'targets', targets).ok).toBe(true);
      expect(verifyRole(root, 'snapshot', value(parseSnapshot(file(trust, 'snapshot.json')))).ok).toBe(true);
      expect(verifyRole(root, 'timestamp', value(parseTimestamp(file(trust, 'timestamp.json')))).ok).toBe(true);
      for (const role of envs.flatMap((env) => [`releases-${env}`, `aborts-${env}`])) {
        expect(verifyRole(targets, role, value(parseTargets(file(trust, `${role}.json`)))).ok).toBe(true);
      }
      expect(root.signed.consistentSnapshot).toBe(true);
    }
  });

  test('the distributor holds only the online keys, and the abort key is alone', () => {
    for (const trust of [dev, team]) {
      expect(trust.holders.get('distributor')?.map((key) => key.role)).toEqual(['snapshot', 'timestamp']);
      expect(trust.holders.get('abort')?.map((key) => key.role)).toEqual(['aborts']);
    }
    expect(team.keys.filter((key) => key.role === 'root')).toHaveLength(3);
    expect(new Set(team.keys.map((key) => key.keyId)).size).toBe(team.keys.length);
  });

  test.each([['../x'], [''], ['UP'], [[]], [['a', 'a']]])('refuses the environment %j', (env) => {
    expect(codes(createTrust({ profile: 'dev', env, now: NOW }))).toEqual(['ERR_TRUST_ENV']);
  });
});

describe('thresholds', () => {
  test('one of two policy owners is not enough; the second may sign later, and nothing signed changes', () => {
    const root = value(openTrustedRoot(file(team, 'root.json')));
    const [first, second] = keys(team, 'targets') as [SigningKey, SigningKey];
    const alone = value(signTargets({ ...signing(team, 'targets.json', [first]), changes: [] }));
    expect(codes(verifyRole(root, 'targets', value(parseTargets(alone.bytes))))).toEqual(['ERR_TRUST_SIGNATURE']);
    const both = coSign(value(parseTargets(alone.bytes)), [second]);
    const metadata = value(parseTargets(both.bytes));
    expect(verifyRole(root, 'targets', metadata).ok).toBe(true);
    expect(metadata.signed.equals(value(parseTargets(alone.bytes)).signed)).toBe(true);
    expect(both.version).toBe(2);
  });

  test('the same owner twice is one signature', () => {
    const root = value(openTrustedRoot(file(team, 'root.json')));
    const [first] = keys(team, 'targets') as [SigningKey, SigningKey];
    const twice = value(signTargets({ ...signing(team, 'targets.json', [first, first]), changes: [] }));
    expect(verifyRole(root, 'targets', value(parseTargets(twice.bytes))).ok).toBe(false);
    const json = JSON.parse(new TextDecoder().decode(twice.bytes)) as { signatures: unknown[] };
    json.signatures.push(json.signatures[0]);
    expect(codes(parseTargets(new TextEncoder().encode(JSON.stringify(json))))).toEqual(['ERR_TRUST_METADATA']);
  });

  test('one key under two ids is one signature', () => {
    const [first] = keys(team, 'targets') as [SigningKey, SigningKey];
    const root = value(parseRoot(file(team, 'root.json')));
    const { signed } = root;
    const alias = 'f'.repeat(64);
    const json = signed.toJSON() as { keys: Record<string, unknown>; roles: Record<string, { keyids: string[] }> };
    json.keys[alias] = json.keys[first.keyId];
    const role = json.roles['targets'];
    if (role !== undefined) role.keyids = [first.keyId, alias];
    const delegator = value(parseRoot(new TextEncoder().encode(JSON.stringify({ signed: json, signatures: [] }))));
    const alone = value(
      parseTargets(value(signTargets({ ...signing(team, 'targets.json', [first]), changes: [] })).bytes),
    );
    alone.sign((data) => Object.assign(first.sign(data), { keyID: alias }));
    // The library counts key ids and is satisfied; two people did not sign.
    expect(() => delegator.verifyDelegate('targets', alone)).not.toThrow();
    expect(codes(verifyRole(delegator, 'targets', alone))).toEqual(['ERR_TRUST_SIGNATURE']);
  });

  test.each(['root', 'snapshot', 'timestamp', 'releases', 'aborts'] as const)(
    'a %s key does not sign targets',
    (role) => {
      const root = value(openTrustedRoot(file(dev, 'root.json')));
      const wrong = value(signTargets({ ...signing(dev, 'targets.json', keys(dev, role)), changes: [] }));
      expect(verifyRole(root, 'targets', value(parseTargets(wrong.bytes))).ok).toBe(false);
    },
  );

  test('the abort key does not sign releases, nor the release key aborts', () => {
    const targets = value(parseTargets(file(dev, 'targets.json')));
    const pointer = pointerOf('a'.repeat(64));
    const forged = value(signReleases({ ...signing(dev, 'releases-dev.json', keys(dev, 'aborts')), pointer }));
    expect(verifyRole(targets, 'releases-dev', value(parseTargets(forged.bytes))).ok).toBe(false);
    expect(verifyRole(targets, 'aborts-dev', value(parseTargets(forged.bytes))).ok).toBe(true);
    expect(targets.signed.delegations?.roles?.['aborts-dev']?.isDelegatedPath('releases/dev/default.json')).toBe(false);
    expect(targets.signed.delegations?.roles?.['releases-dev']?.isDelegatedPath('releases/dev/default.json')).toBe(
      true,
    );
    expect(targets.signed.delegations?.roles?.['releases-dev']?.isDelegatedPath('releases/dev/../x.json')).toBe(false);
  });

  test('a role that is not delegated verifies nothing', () => {
    const targets = value(parseTargets(file(dev, 'targets.json')));
    const releases = value(parseTargets(file(dev, 'releases-dev.json')));
    for (const role of ['releases-prod', 'constructor', 'toString', '__proto__']) {
      expect(verifyRole(targets, role, releases).ok).toBe(false);
    }
  });

  test('every single flipped byte of a signed file is refused, or the file still says the same', () => {
    const { bytes } = value(
      signReleases({ ...signing(dev, 'releases-dev.json', keys(dev, 'releases')), pointer: pointerOf('a'.repeat(64)) }),
    );
    const targets = value(parseTargets(file(dev, 'targets.json')));
    const original = value(parseTargets(bytes)).signed;
    let accepted = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x01;
      const parsed = parseTargets(flipped);
      if (parsed.ok && verifyRole(targets, 'releases-dev', parsed.value).ok) {
        accepted += 1;
        expect(parsed.value.signed.equals(original)).toBe(true);
      }
    }
    // Only bytes outside of what is signed may go unnoticed: there are none that TUF reads.
    expect(accepted).toBeLessThan(bytes.length / 20);
  });
});

describe('rotateRoot', () => {
  test('N+1 signed by both thresholds is accepted; signed by one side only it is not made', () => {
    const trusted = value(openTrustedRoot(file(team, 'root.json')));
    const old = keys(team, 'root').slice(0, 2);
    const renewed = [fresh(), fresh(), fresh()];
    const changes = [{ role: 'root', keys: renewed, threshold: 2 }] as const;
    const next = value(rotateRoot({ ...signing(team, 'root.json', [...old, ...renewed.slice(0, 2)]), changes }));
    const verified = value(verifyNextRoot(trusted, next.bytes));
    expect(verified.signed.version).toBe(2);
    expect(Object.keys(verified.signed.keys)).not.toContain(old[0]?.keyId);
    for (const lopsided of [old, renewed, [...old.slice(0, 1), ...renewed]]) {
      expect(codes(rotateRoot({ ...signing(team, 'root.json', lopsided), changes }))).toContain('ERR_TRUST_SIGNATURE');
    }
  });

  test('a client refuses a skipped version, the same version and a root that replaced itself', () => {
    const trusted = value(openTrustedRoot(file(dev, 'root.json')));
    const [root] = keys(dev, 'root') as [SigningKey];
    const two = value(rotateRoot({ ...signing(dev, 'root.json', [root]), changes: [] }));
    const three = value(rotateRoot({ ...signing(dev, 'root.json', [root]), current: two.bytes, changes: [] }));
    expect(verifyNextRoot(trusted, two.bytes).ok).toBe(true);
    expect(codes(verifyNextRoot(trusted, three.bytes))).toEqual(['ERR_TRUST_VERSION']);
    expect(codes(verifyNextRoot(trusted, file(dev, 'root.json')))).toEqual(['ERR_TRUST_VERSION']);
    const stranger = value(createTrust({ profile: 'dev', env: 'dev', now: NOW }));
    const foreign = value(rotateRoot({ ...signing(stranger, 'root.json', keys(stranger, 'root')), changes: [] }));
    expect(codes(verifyNextRoot(trusted, foreign.bytes))).toEqual(['ERR_TRUST_SIGNATURE']);
  });

  test('carries the signatures of root keys and no others, whatever keys are at hand', () => {
    const everything = (['root', 'targets', 'releases', 'aborts', 'snapshot', 'timestamp'] as const).flatMap((role) =>
      keys(dev, role),
    );
    const signed = value(parseRoot(value(rotateRoot({ ...signing(dev, 'root.json', everything), changes: [] })).bytes));
    expect(Object.keys(signed.signatures)).toEqual(keys(dev, 'root').map(({ keyId }) => keyId));
  });

  test.each([0, 3])('refuses a threshold of %d for two keys', (threshold) => {
    const changes = [{ role: 'targets', keys: [fresh(), fresh()], threshold }] as const;
    expect(codes(rotateRoot({ ...signing(dev, 'root.json', keys(dev, 'root')), changes }))).toEqual([
      'ERR_TRUST_SIGNATURE',
    ]);
  });
});

describe('signing', () => {
  test('a bundle target has its length and both digests, and delegations survive', () => {
    const facts = { format: 'portcullis.policy/1', policy_version: '1.0.0' } as const;
    const signed = value(addBundleTarget({ ...signing(dev, 'targets.json', keys(dev, 'targets')), bundle, facts }));
    const targets = value(parseTargets(signed.bytes));
    const target = targets.signed.targets[BUNDLE_PATH(signed.sha256)];
    expect(target?.toJSON()).toEqual({
      length: bundle.length,
      hashes: hashesOf(bundle),
      custom: { portcullis: facts },
    });
    expect(Object.keys(target?.hashes ?? {})[0]).toBe('sha256');
    expect(verifyRole(targets, 'releases-dev', value(parseTargets(file(dev, 'releases-dev.json')))).ok).toBe(true);
  });

  test('a pointer is signed as the bytes that are published', () => {
    const pointer = pointerOf('a'.repeat(64));
    const signed = value(signReleases({ ...signing(dev, 'releases-dev.json', keys(dev, 'releases')), pointer }));
    expect(signed.path).toBe('releases/dev/default.json');
    expect(signed.pointer).toEqual(encodeReleasePointer(pointer));
    expect(value(parseTargets(signed.bytes)).signed.targets[signed.path]?.hashes).toEqual(hashesOf(signed.pointer));
  });

  test('a pointer that its readers would refuse is not signed, nor an abort that is more than one', () => {
    const bad = { ...pointerOf('a'.repeat(64)), seq: 0 };
    expect(codes(signReleases({ ...signing(dev, 'releases-dev.json', keys(dev, 'releases')), pointer: bad }))).toEqual([
      'ERR_RELEASE_POINTER',
    ]);
    const previous = pointerOf('a'.repeat(64));
    const options = { ...signing(dev, 'aborts-dev.json', keys(dev, 'aborts')), previous };
    expect(signAborts({ ...options, pointer: { ...previous, seq: 2 } }).ok).toBe(true);
    expect(codes(signAborts({ ...options, pointer: { ...pointerOf('b'.repeat(64)), seq: 2 } }))).toEqual([
      'ERR_RELEASE_ABORT',
    ]);
  });

  test('a snapshot may not lose a role or go back', () => {
    const roles = new Map(
      ['targets.json', 'releases-dev.json', 'aborts-dev.json'].map((name) => [name, file(dev, name)]),
    );
    const options = { keys: keys(dev, 'snapshot'), now: NOW, lifetimeMs: DAY };
    const two = value(signTargets({ ...signing(dev, 'targets.json', keys(dev, 'targets')), changes: [] })).bytes;
    const first = value(
      signSnapshot({ ...options, roles: new Map([...roles, ['targets.json', two]]), previous: undefined }),
    );
    expect(codes(signSnapshot({ ...options, roles, previous: first.bytes }))).toEqual(['ERR_TRUST_SNAPSHOT']);
    const fewer = new Map([['targets.json', two]]);
    expect(codes(signSnapshot({ ...options, roles: fewer, previous: first.bytes }))).toEqual(['ERR_TRUST_SNAPSHOT']);
    expect(codes(signSnapshot({ ...options, roles: new Map(), previous: undefined }))).toEqual(['ERR_TRUST_SNAPSHOT']);
  });

  test('a timestamp is refused when the clock is behind the last one', () => {
    const options = { keys: keys(dev, 'timestamp'), lifetimeMs: 60_000, snapshot: file(dev, 'snapshot.json') };
    const first = value(signTimestamp({ ...options, now: NOW, previous: undefined })).bytes;
    expect(codes(signTimestamp({ ...options, now: NOW - 1, previous: first }))).toEqual(['ERR_TRUST_CLOCK']);
    const second = value(signTimestamp({ ...options, now: NOW, previous: first }));
    expect(second.version).toBe(2);
    const metadata = value(parseTimestamp(second.bytes));
    expect(issuedAt(metadata)).toBe(NOW);
    expect([isExpired(metadata, NOW + 59_400), isExpired(metadata, NOW + 60_000)]).toEqual([false, true]);
  });
});

describe('formats', () => {
  test('expiry is in whole seconds, rounded down', () => {
    expect(expiryAfter(NOW, 1000)).toBe('2026-01-01T00:00:01Z');
  });
  test.each(['', 'pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])('%j is not a key', (pem) => {
    expect(codes(openSigningKey(pem))).toEqual(['ERR_TRUST_KEY']);
  });
  test('file names', () => {
    expect(metadataFileName('timestamp', 9)).toBe('timestamp.json');
    expect(parseMetadataFileName('12.releases-dev.json')).toEqual({ role: 'releases-dev', version: 12 });
    expect(targetKey('releases/dev/default.json', 'ab')).toBe('targets/releases/dev/ab.default.json');
    for (const name of [
      '0.root.json',
      '01.root.json',
      'root.json',
      '1.timestamp.json',
      '1.a/b.json',
      '..json',
      '1.root.json.tmp',
    ]) {
      expect(parseMetadataFileName(name)).toBeUndefined();
    }
  });
});
