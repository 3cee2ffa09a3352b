import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Kill,
  metadataKey,
  newEd25519Key,
  openKillList,
  openSigningKey,
  openTrustedRoot,
  parseTargets,
  type SigningKey,
  signKillList,
  verifyRole,
} from '@portcullis/policy/trust';
import { PortcullisError, systemClock } from '@portcullis/runtime';
import type { KillEndpoint } from '../kill/endpoint.js';
import { createFakeDistributor, type FakeDistributor } from '../release/fake-distributor.js';
import { parseNewKillKeys, type RotateKillsOptions, rotateKills } from './rotate-kills.js';

const ENV = 'prod';
const NOW = Date.now();
const kill = (id: string, expires?: string): Kill => ({
  id,
  scope: { kind: 'all' },
  reason: 'drill',
  actor: 'ops',
  at: '2026-01-01T00:00:00Z',
  ...(expires === undefined ? {} : { expires }),
});

function must<T>(checked: { ok: true; value: T } | { ok: false; problems: readonly unknown[] }): T {
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

let distributor: FakeDistributor;
let newKey: SigningKey;
beforeEach(() => {
  distributor = createFakeDistributor({ profile: 'dev', env: ENV, now: NOW });
  newKey = must(openSigningKey(newEd25519Key()));
});

const targets = (): Uint8Array => distributor.objects.get(metadataKey('targets', 1)) ?? new Uint8Array();
/** Who may sign what is told by the ids of the keys. */
const ownerKeys = (): readonly SigningKey[] => distributor.keysOf('owner');

function keeper(kind: KillEndpoint['kind'], seq: number, kills: readonly Kill[], isAway = false): KillEndpoint {
  const signed = signKillList({ env: ENV, seq, kills, keys: ownerKeys(), now: NOW, lifetimeMs: 86_400_000 });
  return {
    name: kind,
    kind,
    read: async () => {
      if (isAway) throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', 'away');
      return { seq, lists: [must(signed).bytes], targets: targets() };
    },
    put: async () => 'taken',
  };
}

const rotate = (endpoints: readonly KillEndpoint[], more: Partial<RotateKillsOptions> = {}) =>
  rotateKills({
    api: distributor,
    endpoints,
    rootBytes: distributor.root,
    env: ENV,
    channel: 'default',
    keys: ownerKeys(),
    newKeys: [newKey],
    threshold: 1,
    clock: systemClock,
    ...more,
  });

describe('new keys for kill lists', () => {
  test('come with what anybody shows to be stopped, signed by them alone', async () => {
    const ended = kill('ended', '2026-01-02T00:00:00Z');
    const endpoints = [keeper('distributor', 5, [kill('a')]), keeper('pdp', 7, [kill('a'), kill('b'), ended])];
    expect(await rotate(endpoints)).toMatchObject({ outcome: 'rotated', targetsVersion: 2, seq: 6 });
    const [upload] = distributor.rolesReceived;
    const next = must(parseTargets(upload?.roles.get('targets') ?? new Uint8Array()));
    expect(verifyRole(must(openTrustedRoot(distributor.root)), 'targets', next).ok).toBe(true);
    const bytes = upload?.roles.get(`kills-${ENV}`) ?? new Uint8Array();
    expect(must(openKillList(bytes, next, ENV)).kills.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(openKillList(bytes, must(parseTargets(targets())), ENV).ok).toBe(false);
    const [before] = (await endpoints[1]?.read())?.lists ?? [];
    expect(openKillList(before ?? new Uint8Array(), next, ENV)).toMatchObject({
      ok: false,
      problems: [{ code: 'ERR_TRUST_SIGNATURE' }],
    });
  });

  test('are not signed by others than those of targets, nor without the distributor', async () => {
    const own = keeper('distributor', 5, []);
    await expect(rotate([own], { keys: [newKey] })).rejects.toMatchObject({ code: 'ERR_CLI_SIGN' });
    await expect(rotate([own], { threshold: 2 })).rejects.toMatchObject({ code: 'ERR_CLI_SIGN' });
    const alone = [keeper('distributor', 5, [], true), keeper('pdp', 7, [])];
    await expect(rotate(alone)).rejects.toMatchObject({ code: 'ERR_CLI_UNREACHABLE' });
    expect(distributor.rolesReceived).toEqual([]);
  });

  test('are refused by a distributor as a value', async () => {
    distributor.refusal = { status: 409, code: 'ERR_RELEASE_CONFLICT', message: 'another came first' };
    expect(await rotate([keeper('distributor', 5, [])])).toEqual({ outcome: 'refused', refusal: distributor.refusal });
  });
});

test('a folder may say how many must sign', () => {
  expect(parseNewKillKeys('keys/new:2')).toEqual({ directory: 'keys/new', threshold: 2 });
  expect(parseNewKillKeys('keys/new')).toEqual({ directory: 'keys/new' });
  expect(() => parseNewKillKeys('')).toThrow(expect.objectContaining({ code: 'ERR_CLI_USAGE' }));
});
