import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KillEntry } from '@portcullis/policy/evidence';
import type { CanonicalRequest } from '@portcullis/policy/model';
import {
  createTrust,
  type Kill,
  type KillScope,
  killsRole,
  newEd25519Key,
  openSigningKey,
  parseTargets,
  type SigningKey,
  signKillList,
  type TargetsMetadata,
  type Trust,
} from '@portcullis/policy/trust';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { must } from '../fixtures/repository.js';
import { openKillFile } from './kill-file.js';
import { type KillSwitch, type KillSwitchOptions, openKillSwitch } from './kill-switch.js';

const ENV = 'prod';
const log = createLogger({ component: 'test', level: 'silent' });
const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'sdk',
  kind: 'tool_call',
  agent: { id: 'analyst' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r-1' },
};

let folder: string;
let clock: FakeClock;
let trust: Trust;
let key: SigningKey;
let targets: { bytes: Uint8Array; metadata: TargetsMetadata } | undefined;
let recorded: KillEntry[];
let counted: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-kill-'));
  clock = createFakeClock();
  trust = must(createTrust({ profile: 'dev', env: ENV, now: clock.now() }));
  key = must(openSigningKey(trust.keys.find(({ role }) => role === 'kills')?.pem ?? ''));
  const bytes = trust.files.get('targets.json') ?? new Uint8Array();
  targets = { bytes, metadata: must(parseTargets(bytes)) };
  recorded = [];
  counted = [];
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const path = (): string => join(folder, 'kill-lists');

function open(changes: Partial<KillSwitchOptions> = {}): Promise<KillSwitch> {
  return openKillSwitch({
    env: ENV,
    file: openKillFile(path(), ENV),
    trusted: () => targets,
    record: async (entry) => void recorded.push(entry),
    observer: { killList: (way, outcome) => counted.push(`${way} ${outcome}`) },
    clock,
    log,
    ...changes,
  });
}

const kill = (id: string, scope: KillScope = { kind: 'all' }): Kill => ({
  id,
  scope,
  reason: 'drill',
  actor: 'ops',
  at: '2026-01-01T00:00:00Z',
});

function list(seq: number, kills: readonly Kill[], signer = key): Uint8Array {
  const signed = signKillList({ env: ENV, seq, kills, keys: [signer], now: clock.now(), lifetimeMs: 86_400_000 });
  return must(signed).bytes;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const events = (): readonly string[] => recorded.map((entry) => `${entry.event} ${entry.kill_id} ${entry.list_seq}`);
const stops = (kills: KillSwitch): boolean => kills.stops(REQUEST)?.code === 'KILL_SWITCH';

describe('a list', () => {
  test('stops in the turn in which it is offered, before anything is written', async () => {
    const kills = await open();
    const offered = kills.offer(list(2, [kill('k-1')]), 'direct');
    expect(stops(kills)).toBe(true);
    expect(recorded).toEqual([]);
    expect(await offered).toBe('applied');
    expect(events()).toEqual(['applied k-1 2']);
    expect(recorded[0]).toMatchObject({ scope: 'all', reason: 'drill', actor: 'ops', path: 'direct' });
    expect(counted).toEqual(['direct applied']);
  });

  test('lifts with a higher seq, and not before that is recorded', async () => {
    let release = (): void => undefined;
    const kills = await open({
      record: (entry) => {
        recorded.push(entry);
        if (entry.event === 'applied') return Promise.resolve();
        return new Promise((resolve) => {
          release = resolve;
        });
      },
    });
    await kills.offer(list(2, [kill('k-1')]), 'direct');
    const lifting = kills.offer(list(3, []), 'channel');
    while (recorded.length < 2) await new Promise(setImmediate);
    expect(stops(kills)).toBe(true);
    release();
    await lifting;
    expect(stops(kills)).toBe(false);
    expect(events()).toEqual(['applied k-1 2', 'lifted k-1 3']);
  });

  test('counts again only when it is new', async () => {
    const kills = await open();
    const bytes = list(2, [kill('k-1')]);
    await kills.offer(bytes, 'direct');
    expect(await kills.offer(bytes, 'channel')).toBe('known');
    expect(events()).toEqual(['applied k-1 2']);
    expect(counted).toEqual(['direct applied', 'channel known']);
  });

  test('an older one is refused, whoever replays it', async () => {
    const kills = await open();
    const empty = list(2, []);
    await kills.offer(empty, 'direct');
    await kills.offer(list(3, [kill('k-1')]), 'direct');
    await expect(kills.offer(empty, 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_SEQ', kind: 'conflict' });
    expect(stops(kills)).toBe(true);
  });

  test('two different ones of one seq are united, until a higher one comes', async () => {
    const kills = await open();
    await kills.offer(list(2, [kill('k-1', { kind: 'tenant', tenant: 'acme' })]), 'direct');
    await kills.offer(list(2, [kill('k-2', { kind: 'tenant', tenant: 'rival' })]), 'channel');
    expect(kills.state()).toMatchObject({ seq: 2, kills: [{ id: 'k-1' }, { id: 'k-2' }] });
    expect(kills.state().lists).toHaveLength(2);
    await kills.offer(list(3, []), 'direct');
    expect(kills.state()).toMatchObject({ seq: 3, kills: [] });
  });

  test('an id that is given out twice hides nothing', async () => {
    const kills = await open();
    await kills.offer(list(2, [kill('k-1', { kind: 'tenant', tenant: 'rival' })]), 'direct');
    const offered = kills.offer(list(3, [kill('k-1')]), 'direct');
    expect(stops(kills)).toBe(true);
    await offered;
    expect(kills.state().kills).toEqual([kill('k-1')]);
    expect(events()).toEqual(['applied k-1 2', 'applied k-1 3', 'lifted k-1 3']);
  });

  test.each([
    ['forged', () => list(2, [kill('k-1')], must(openSigningKey(newEd25519Key())))],
    ['no list', () => new TextEncoder().encode('{}')],
    ['too large', () => new Uint8Array(600_000)],
  ])('%s: refused, and nothing moves', async (_what, bytes) => {
    const kills = await open();
    await expect(kills.offer(bytes(), 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_REFUSED', kind: 'invalid' });
    expect(stops(kills)).toBe(false);
    expect(kills.epoch.current()).toBe(0);
    expect(counted).toEqual(['direct refused']);
  });

  test('nobody may sign one before there is trusted metadata', async () => {
    targets = undefined;
    const kills = await open();
    await expect(kills.offer(list(2, []), 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_TRUST' });
  });

  test('new keys end the numbers of the old ones, and the old lists stay out', async () => {
    const kills = await open();
    const stolen = list(4_000_000_000, []);
    await kills.offer(stolen, 'direct');
    const next = must(createTrust({ profile: 'dev', env: ENV, now: clock.now() }));
    const bytes = next.files.get('targets.json') ?? new Uint8Array();
    targets = { bytes, metadata: must(parseTargets(bytes)) };
    const fresh = must(openSigningKey(next.keys.find(({ role }) => role === 'kills')?.pem ?? ''));
    await kills.offer(list(2, [kill('k-1')], fresh), 'direct');
    expect(stops(kills)).toBe(true);
    await expect(kills.offer(stolen, 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_REFUSED' });
  });
});

describe('the epoch', () => {
  test('moves at every change of what is in force, upwards', async () => {
    const kills = await open();
    const seen: number[] = [];
    kills.epoch.onChange(() => seen.push(kills.epoch.current()));
    await kills.offer(list(2, [kill('k-1')]), 'direct');
    await kills.offer(list(2, [kill('k-2')]), 'direct');
    await kills.offer(list(3, [kill('k-2')]), 'direct');
    await kills.offer(list(9, []), 'direct');
    expect(seen.every((epoch, index) => index === 0 || epoch > (seen[index - 1] ?? 0))).toBe(true);
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(seen.at(-1)).toBeGreaterThanOrEqual(9);
  });
});

describe('a restart', () => {
  test('goes on with what was stopped, without metadata and without the network', async () => {
    await (await open()).offer(list(5, [kill('k-1')]), 'direct');
    targets = undefined;
    const again = await open();
    expect(stops(again)).toBe(true);
    expect(again.state().seq).toBe(5);
    await expect(again.offer(list(4, []), 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_TRUST' });
    while (recorded.length < 2) await new Promise(setImmediate);
    expect(events()).toEqual(['applied k-1 5', 'restored k-1 5']);
  });

  test('does not lift what was lifted and not recorded', async () => {
    const kills = await open({
      record: async (entry) => {
        if (entry.event === 'lifted') throw new Error('the disk is full');
        recorded.push(entry);
      },
    });
    await kills.offer(list(2, [kill('k-1')]), 'direct');
    const lift = list(3, []);
    await expect(kills.offer(lift, 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_KEEP', kind: 'unavailable' });
    expect(stops(kills)).toBe(true);
    const again = await open();
    expect(stops(again)).toBe(true);
    while (stops(again)) await new Promise(setImmediate);
    expect(events()).toEqual(['applied k-1 2', 'lifted k-1 3']);
    expect(recorded.at(-1)?.path).toBe('disk');
    expect(counted).toEqual(['direct applied', 'direct failed']);
  });

  test('a list that could not be written is in force, and is written when it is offered again', async () => {
    const file = openKillFile(path(), ENV);
    let full = true;
    const kills = await open({
      file: { read: file.read, write: async (kept) => (full ? Promise.reject(new Error('full')) : file.write(kept)) },
    });
    const bytes = list(2, [kill('k-1')]);
    await expect(kills.offer(bytes, 'direct')).rejects.toMatchObject({ code: 'ERR_KILL_KEEP' });
    expect(stops(kills)).toBe(true);
    expect(kills.holds(sha256(bytes))).toBe(false);
    full = false;
    await kills.offer(bytes, 'channel');
    expect(kills.holds(sha256(bytes))).toBe(true);
    expect(events()).toEqual(['applied k-1 2']);
    expect(stops(await open())).toBe(true);
  });

  test.each([
    ['one byte', (text: string) => text.replace('signers', 'signerz')],
    ['the end', (text: string) => text.slice(0, -20)],
    ['everything', () => ''],
  ])('does not happen when %s of the file is damaged', async (_what, damage) => {
    await (await open()).offer(list(5, [kill('k-1')]), 'direct');
    await writeFile(path(), damage(await readFile(path(), 'utf8')));
    await expect(open()).rejects.toMatchObject({ code: 'ERR_KILL_STATE', kind: 'corrupt' });
  });

  test('a file of another environment is not ours', async () => {
    await (await open()).offer(list(5, [kill('k-1')]), 'direct');
    await expect(openKillFile(path(), 'dev').read()).rejects.toMatchObject({ code: 'ERR_KILL_STATE' });
  });
});

test('the role has the name that TUF delegates to', () => {
  expect(targets?.metadata.signed.delegations?.roles?.[killsRole(ENV)]?.terminating).toBe(true);
});
