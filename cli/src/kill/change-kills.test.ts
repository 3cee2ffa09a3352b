import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  createTrust,
  type Kill,
  newEd25519Key,
  openKillList,
  openSigningKey,
  parseTargets,
  type SigningKey,
  signKillList,
} from '@portcullis/policy/trust';
import { PortcullisError, systemClock } from '@portcullis/runtime';
import { changeKills, type KillChange, readKills } from './change-kills.js';
import type { KillEndpoint } from './endpoint.js';
import { durationMs, scopeOf } from './scope.js';

const ENV = 'prod';
const NOW = Date.now();

function must<T>(checked: { ok: true; value: T } | { ok: false; problems: readonly unknown[] }): T {
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

let rootBytes: Uint8Array;
let targets: Uint8Array;
let empty: Uint8Array;
let keys: readonly SigningKey[];
beforeEach(() => {
  const trust = must(createTrust({ profile: 'dev', env: ENV, now: NOW }));
  const file = (name: string): Uint8Array => trust.files.get(name) ?? new Uint8Array();
  [rootBytes, targets, empty] = [file('root.json'), file('targets.json'), file(`kills-${ENV}.json`)];
  keys = trust.keys.filter(({ role }) => role === 'kills').map(({ pem }) => must(openSigningKey(pem)));
});

const seqOf = (list: Uint8Array): number => must(openKillList(list, must(parseTargets(targets)), ENV)).seq;

/** Keeps a list as a distributor does: higher ones only. */
function keeper(name: string, initial = empty): KillEndpoint & { list: Uint8Array; isAway: boolean } {
  const self = {
    name,
    kind: 'pdp' as const,
    list: initial,
    isAway: false,
    read: async () => {
      if (self.isAway) throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `${name} does not answer`);
      return { seq: seqOf(self.list), lists: [self.list], targets };
    },
    put: async (list: Uint8Array) => {
      if (self.isAway) throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `${name} does not answer`);
      if (seqOf(list) <= seqOf(self.list)) return 'conflict' as const;
      self.list = list;
      return 'taken' as const;
    },
  };
  return self;
}

const kill = (id: string, more: Partial<Kill> = {}): Kill => ({
  id,
  scope: { kind: 'all' },
  reason: 'drill',
  actor: 'ops',
  at: '2026-01-01T00:00:00Z',
  ...more,
});
const list = (seq: number, kills: readonly Kill[], signers = keys): Uint8Array =>
  must(signKillList({ env: ENV, seq, kills, keys: signers, now: NOW, lifetimeMs: 86_400_000 })).bytes;
const options = (endpoints: readonly KillEndpoint[], more: Partial<KillChange> = {}): KillChange => ({
  endpoints,
  rootBytes,
  env: ENV,
  keys,
  clock: systemClock,
  change: (kills) => [...kills.filter(({ id }) => id !== 'k-new'), kill('k-new')],
  ...more,
});
const idsAt = (list: Uint8Array): readonly string[] =>
  must(openKillList(list, must(parseTargets(targets)), ENV)).kills.map(({ id }) => id);

describe('a kill', () => {
  test('goes on from the newest list that anybody shows, and reaches everybody', async () => {
    const [behind, ahead] = [keeper('a'), keeper('b', list(7, [kill('k-old')]))];
    const result = await changeKills(options([behind, ahead]));
    expect(result.list.seq).toBe(8);
    expect(result.missing).toEqual([]);
    expect([behind, ahead].map(({ list: kept }) => idsAt(kept))).toEqual([
      ['k-old', 'k-new'],
      ['k-old', 'k-new'],
    ]);
  });

  test('reaches the others when one is away, and says who is', async () => {
    const [here, away] = [keeper('here'), keeper('away')];
    away.isAway = true;
    const result = await changeKills(options([away, here]));
    expect(result.taken).toEqual([here]);
    expect(result.missing.map(([endpoint]) => endpoint.name)).toEqual(['away']);
  });

  test('does not drop what another operator stopped at the same moment', async () => {
    const [one, two] = [keeper('one'), keeper('two')];
    let raced = false;
    const racing: KillEndpoint = {
      ...one,
      read: () => one.read(),
      put: (bytes) => {
        if (!raced) {
          raced = true;
          one.list = list(2, [kill('k-other')]);
        }
        return one.put(bytes);
      },
    };
    const result = await changeKills(options([racing, two]));
    expect(result.list.kills.map(({ id }) => id)).toEqual(expect.arrayContaining(['k-other', 'k-new']));
    expect(idsAt(one.list)).toEqual(idsAt(two.list));
  });

  test('leaves out what has ended', async () => {
    const ended = kill('k-ended', { expires: '2026-01-01T00:00:01Z' });
    const endpoint = keeper('a', list(3, [ended, kill('k-old')]));
    await changeKills(options([endpoint]));
    expect(idsAt(endpoint.list)).toEqual(['k-old', 'k-new']);
  });

  test('does not believe a list that the keys did not sign, however high its seq', async () => {
    const forged = list(99, [], [must(openSigningKey(newEd25519Key()))]);
    const honest = keeper('honest', list(4, [kill('k-old')]));
    const liar: KillEndpoint = { ...keeper('liar'), read: async () => ({ seq: 99, lists: [forged], targets }) };
    expect((await readKills(options([liar, honest]))).kills.map(({ id }) => id)).toEqual(['k-old']);
  });

  test('nor metadata that the pinned root does not vouch for', async () => {
    const other = must(createTrust({ profile: 'dev', env: ENV, now: NOW }));
    const foreign = other.files.get('targets.json') ?? new Uint8Array();
    const theirs = other.files.get(`kills-${ENV}.json`) ?? new Uint8Array();
    const liar: KillEndpoint = { ...keeper('liar'), read: async () => ({ seq: 1, lists: [theirs], targets: foreign }) };
    await expect(readKills(options([liar]))).rejects.toMatchObject({ code: 'ERR_CLI_TRUST' });
  });

  test('is not signed on top of nothing: somebody leaves the lists out', async () => {
    const liar: KillEndpoint = { ...keeper('liar'), read: async () => ({ seq: 0, lists: [], targets }) };
    await expect(changeKills(options([liar]))).rejects.toMatchObject({ code: 'ERR_CLI_TRUST' });
  });

  test('is not signed with other keys', async () => {
    const strangers = [must(openSigningKey(newEd25519Key()))];
    await expect(changeKills(options([keeper('a')], { keys: strangers }))).rejects.toMatchObject({
      code: 'ERR_CLI_KILL',
    });
  });

  test('ends with a reason when nobody answers', async () => {
    const away = keeper('pdp-1');
    away.isAway = true;
    await expect(changeKills(options([away]))).rejects.toMatchObject({
      code: 'ERR_CLI_UNREACHABLE',
      message: expect.stringContaining('pdp-1 does not answer'),
    });
  });
});

describe('the command line', () => {
  test.each([
    [{ agent: 'acme/a1' }, { kind: 'agent', tenant: 'acme', agent: 'a1' }],
    [{ tenant: 'acme' }, { kind: 'tenant', tenant: 'acme' }],
    [{ tool: 'github/repos/delete' }, { kind: 'tool', server: 'github', name: 'repos/delete' }],
    [{ all: true }, { kind: 'all' }],
  ])('%j', (flags, scope) => {
    expect(scopeOf(flags)).toEqual(scope);
  });

  test.each([[{}], [{ all: true, tenant: 'acme' }], [{ agent: 'a1' }], [{ tool: '/x' }], [{ tool: 'github/' }]])(
    '%j is refused',
    (flags) => {
      expect(() => scopeOf(flags)).toThrow(expect.objectContaining({ code: 'ERR_CLI_USAGE' }));
    },
  );

  test.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['8h', 28_800_000],
    ['7d', 604_800_000],
  ])('%s', (text, ms) => {
    expect(durationMs('--expires', text)).toBe(ms);
  });

  test.each(['', '0s', '1', 's', '1.5h', '-1h', '1w', '9999999s'])('%j is no duration', (text) => {
    expect(() => durationMs('--expires', text)).toThrow(expect.objectContaining({ code: 'ERR_CLI_USAGE' }));
  });
});
