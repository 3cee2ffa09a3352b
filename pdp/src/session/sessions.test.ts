import { beforeEach, describe, expect, test } from '@jest/globals';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { createMemorySessionStore } from './memory.js';
import { type SessionKey, type SessionStore, storedKey } from './port.js';
import { emptyRecord, type SessionRecord } from './record.js';
import { createSessions, type Sessions } from './sessions.js';

const KEY: SessionKey = { tenant: 'acme', agent: 'analyst', session: 's-1' };
const LIMITS = {
  idleMs: 10_000,
  rememberMs: 60_000,
  maxSessions: 100,
  maxRemembered: 1_000,
  maxTotal: 1_000_000,
  warmUpMs: 0,
};

let clock: FakeClock;
let store: SessionStore;
let epochs: number[];
let reads: (string | undefined)[];
let versions = 0;
const newVersion = (): string => {
  versions += 1;
  return `v${versions}`;
};
/** One decision point among several that share the store. */
const open = (changes: Partial<SessionStore> = {}, maxBytes = 10_000): Sessions =>
  createSessions({ store: { ...store, ...changes }, maxBytes, newVersion });

beforeEach(() => {
  clock = createFakeClock();
  epochs = [];
  reads = [];
  const inner = createMemorySessionStore({ ...LIMITS, clock, onLabelEpoch: (epoch) => epochs.push(epoch) });
  store = {
    ...inner,
    read: (key, known) => {
      reads.push(known);
      return inner.read(key, known);
    },
  };
});

const counted = (record: SessionRecord): SessionRecord => ({ ...record, sequence: record.sequence + 1 });
const labelled =
  (label: string) =>
  (record: SessionRecord): SessionRecord => ({
    ...counted(record),
    state: { ...record.state, labels: [...record.state.labels, label] },
  });
const sequenceOf = async (sessions: Sessions): Promise<number | string> => {
  const known = await sessions.read(KEY);
  return known.outcome === 'unknown' ? known.cause : known.record.sequence;
};

describe('sessions', () => {
  test('begin empty, and are what was made of them, wherever they are read', async () => {
    const [here, there] = [open(), open()];
    expect(await here.read(KEY)).toEqual({ outcome: 'new', record: emptyRecord() });
    expect(await here.apply(KEY, counted)).toEqual({ outcome: 'kept' });
    expect(await there.read(KEY)).toMatchObject({ outcome: 'known', record: { sequence: 1 } });
    expect(await there.apply(KEY, () => undefined)).toEqual({ outcome: 'unchanged' });
    expect(await sequenceOf(here)).toBe(1);
  });

  test('are not sent again when nothing changed', async () => {
    const here = open();
    await here.apply(KEY, counted);
    await here.read(KEY);
    expect(reads).toEqual([undefined, versionsNow()]);
  });

  test('lose no change of many, from one decision point and from several', async () => {
    const points = [open(), open(), open()];
    const outcomes = await Promise.all(
      points.flatMap((point) => Array.from({ length: 100 }, () => point.apply(KEY, counted))),
    );
    expect(outcomes.filter(({ outcome }) => outcome !== 'kept')).toEqual([]);
    for (const point of points) expect(await sequenceOf(point)).toBe(300);
  });

  test('tell a new epoch when labels change, and at nothing else', async () => {
    const here = open();
    await here.apply(KEY, counted);
    expect(epochs).toEqual([]);
    await here.apply(KEY, labelled('untrusted'));
    await here.apply(KEY, counted);
    expect(epochs).toEqual([1]);
  });

  test('that outgrow their cap are unknown from then on, everywhere', async () => {
    const here = open({}, 300);
    expect(await here.apply(KEY, counted)).toEqual({ outcome: 'kept' });
    expect(await here.apply(KEY, labelled('x'.repeat(300)))).toEqual({ outcome: 'unknown', cause: 'too_large' });
    expect(await sequenceOf(here)).toBe('forgotten');
    expect(await sequenceOf(open())).toBe('forgotten');
    expect(await here.apply(KEY, counted)).toEqual({ outcome: 'unknown', cause: 'forgotten' });
  });

  test('that a store has lost, or has as they were before, are unknown to who knows better, and then to everybody', async () => {
    const lostStore = createMemorySessionStore({ ...LIMITS, clock, onLabelEpoch: () => undefined });
    let current = store;
    const switching: SessionStore = {
      read: (...given) => current.read(...given),
      replace: (...given) => current.replace(...given),
      forget: (...given) => current.forget(...given),
      close: async () => undefined,
    };
    const here = createSessions({ store: switching, maxBytes: 10_000, newVersion });
    await here.apply(KEY, counted);
    await here.apply(KEY, counted);
    current = lostStore;
    expect(await sequenceOf(here)).toBe('forgotten');
    expect(await sequenceOf(createSessions({ store: lostStore, maxBytes: 10_000, newVersion }))).toBe('forgotten');
    const older = { ...emptyRecord(), sequence: 1 };
    const stale = createMemorySessionStore({ ...LIMITS, clock, onLabelEpoch: () => undefined });
    const change = { previous: undefined, version: 'old', text: JSON.stringify(older), labelsChanged: false };
    await stale.replace(storedKey(KEY), change);
    current = store;
    const there = createSessions({ store: switching, maxBytes: 10_000, newVersion });
    expect(await sequenceOf(there)).toBe(2);
    current = stale;
    expect(await sequenceOf(there)).toBe('forgotten');
  });

  test.each(['{}', 'nonsense', '{"format":2,"sequence":1,"seen":[],"awaited":[],"state":{"format":1}}'])(
    'that somebody else wrote are unknown: %s',
    async (text) => {
      await store.replace(storedKey(KEY), { previous: undefined, version: 'theirs', text, labelsChanged: false });
      expect(await sequenceOf(open())).toBe('forgotten');
    },
  );

  test('that others change all the time are given up, not waited for', async () => {
    let asked = 0;
    const here = open({
      replace: async () => {
        asked += 1;
        const text = JSON.stringify({ ...emptyRecord(), sequence: asked });
        return { outcome: 'conflict', version: newVersion(), text };
      },
    });
    expect(await here.apply(KEY, counted)).toEqual({ outcome: 'unknown', cause: 'contended' });
    expect(asked).toBeLessThan(100);
  });

  test('go on after a change that throws', async () => {
    const here = open();
    const defect = here.apply(KEY, () => {
      throw new TypeError('a defect');
    });
    const after = here.apply(KEY, counted);
    await expect(defect).rejects.toThrow('a defect');
    expect((await after).outcome).toBe('kept');
  });

  test('of a store that does not answer are unknown', async () => {
    const down = { outcome: 'unknown', cause: 'store' } as const;
    const here = open({ read: async () => down, replace: async () => down });
    expect(await here.read(KEY)).toEqual(down);
    expect(await here.apply(KEY, counted)).toEqual(down);
  });

  test('of other agents, tenants and names are others', async () => {
    const here = open();
    await here.apply(KEY, counted);
    for (const other of [{ tenant: 'rival' }, { agent: 'other' }, { session: 's-2' }, { session: undefined }]) {
      expect((await here.read({ ...KEY, ...other })).outcome).toBe('new');
    }
  });
});

function versionsNow(): string {
  return `v${versions}`;
}
