import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Checked } from '../model/index.js';
import { createTrust, type KeyRole, type Trust } from './create-trust.js';
import {
  isKillInForce,
  type Kill,
  MAX_KILL_SEQ,
  MAX_KILLS,
  openKillList,
  readKillList,
  scopeText,
  signKillList,
} from './kill-list.js';
import { parseTargets, type TargetsMetadata } from './metadata.js';
import { newEd25519Key, openSigningKey, type SigningKey } from './signing-key.js';

const NOW = Date.parse('2026-01-01T00:00:00.500Z');

function value<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}
const codes = (checked: Checked<unknown>): string[] => (checked.ok ? [] : checked.problems.map(({ code }) => code));
const KILL: Kill = {
  id: 'k-1',
  scope: { kind: 'agent', tenant: 'acme', agent: 'analyst' },
  reason: 'exfiltration',
  actor: 'spiffe://example.org/publisher/ops',
  at: '2026-01-01T00:00:00Z',
};

let trust: Trust;
let targets: TargetsMetadata;
beforeAll(() => {
  trust = value(createTrust({ profile: 'team', env: ['staging', 'prod'], now: NOW }));
  targets = value(parseTargets(trust.files.get('targets.json') ?? new Uint8Array()));
});
const keys = (role: KeyRole): SigningKey[] =>
  trust.keys.filter((key) => key.role === role).map((key) => value(openSigningKey(key.pem)));

function sign(changes: Partial<Parameters<typeof signKillList>[0]> = {}): Checked<Uint8Array> {
  const [key] = keys('kills');
  const signed = signKillList({
    env: 'prod',
    seq: 2,
    kills: [KILL],
    keys: key === undefined ? [] : [key],
    now: NOW,
    lifetimeMs: 86_400_000,
    ...changes,
  });
  return signed.ok ? { ok: true, value: signed.value.bytes } : signed;
}

describe('a kill list', () => {
  test('every environment begins with an empty one that verifies', () => {
    for (const env of ['staging', 'prod']) {
      const bytes = trust.files.get(`kills-${env}.json`) ?? new Uint8Array();
      expect(value(openKillList(bytes, targets, env))).toEqual({ env, seq: 1, kills: [] });
    }
  });

  test('one operator of two is enough, and what is signed is what is read', () => {
    const all: Kill[] = [
      KILL,
      { ...KILL, id: 'k-2', scope: { kind: 'tenant', tenant: 'acme' } },
      { ...KILL, id: 'k-3', scope: { kind: 'tool', server: 'github', name: 'delete repo/ü' } },
      { ...KILL, id: 'k-4', scope: { kind: 'all' }, expires: '2026-01-02T00:00:00.000Z' },
    ];
    const bytes = value(sign({ kills: all }));
    expect(value(openKillList(bytes, targets, 'prod'))).toEqual({ env: 'prod', seq: 2, kills: all });
    expect(value(readKillList(bytes, 'prod')).kills.map(({ scope }) => scopeText(scope))).toEqual([
      'agent acme/analyst',
      'tenant acme',
      'tool github/delete repo/ü',
      'all',
    ]);
  });

  test.each(['targets', 'releases', 'aborts', 'snapshot', 'timestamp'] as const)(
    'the key of %s cannot sign one',
    (role) => {
      expect(codes(openKillList(value(sign({ keys: keys(role) })), targets, 'prod'))).toEqual(['ERR_TRUST_SIGNATURE']);
    },
  );

  test('nor can a key that nobody delegated to, nor nobody', () => {
    const forged = sign({ keys: [value(openSigningKey(newEd25519Key()))] });
    expect(codes(openKillList(value(forged), targets, 'prod'))).toEqual(['ERR_TRUST_SIGNATURE']);
    expect(codes(openKillList(value(sign({ keys: [] })), targets, 'prod'))).toEqual(['ERR_TRUST_SIGNATURE']);
  });

  test('that of another environment does not count, although the keys are the same', () => {
    expect(codes(openKillList(value(sign({ env: 'staging' })), targets, 'prod'))).toEqual(['ERR_KILL_LIST']);
  });

  test('a releases metadata is not one', () => {
    const other = trust.files.get('releases-prod.json') ?? new Uint8Array();
    expect(openKillList(other, targets, 'prod').ok).toBe(false);
    expect(codes(readKillList(other, 'prod'))).toEqual(['ERR_KILL_LIST']);
  });

  test('no byte of it can be changed', () => {
    const bytes = value(sign());
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(openKillList(changed, targets, 'prod').ok).toBe(false);
    }
  });

  test('what is not written as we write it is refused, signed or not', () => {
    const text = new TextDecoder().decode(value(sign()));
    for (const other of [`${text} `, text.replace('"kills":', '"kills":[],"kills":'), `\u{feff}${text}`]) {
      expect(openKillList(new TextEncoder().encode(other), targets, 'prod').ok).toBe(false);
    }
  });

  test.each([
    ['two of one id', { kills: [KILL, KILL] }],
    ['too many', { kills: Array.from({ length: MAX_KILLS + 1 }, (_, index) => ({ ...KILL, id: `k-${index}` })) }],
    ['an id that is a path', { kills: [{ ...KILL, id: '../x' }] }],
    ['no reason', { kills: [{ ...KILL, reason: '' }] }],
    ['half a character', { kills: [{ ...KILL, reason: '\ud800' }] }],
    ['a tenant with a slash', { kills: [{ ...KILL, scope: { kind: 'tenant', tenant: 'a/b' } }] as Kill[] }],
    ['an end that is no instant', { kills: [{ ...KILL, expires: 'tomorrow' }] }],
    ['seq 0', { seq: 0 }],
    ['a seq beyond the epoch', { seq: MAX_KILL_SEQ + 1 }],
  ])('%s is not signed', (_what, changes) => {
    expect(codes(sign(changes))).toEqual(['ERR_KILL_LIST']);
  });

  test('the expiry of the metadata ends nothing; that of a kill does, to the millisecond', () => {
    expect(openKillList(value(sign({ lifetimeMs: 1 - NOW })), targets, 'prod').ok).toBe(true);
    const end = '2026-01-01T00:00:01.000Z';
    expect(isKillInForce({ expires: end }, Date.parse(end) - 1)).toBe(true);
    expect(isKillInForce({ expires: end }, Date.parse(end))).toBe(false);
    expect(isKillInForce({}, Number.MAX_SAFE_INTEGER)).toBe(true);
  });
});
