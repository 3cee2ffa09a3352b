import { beforeAll, describe, expect, test } from '@jest/globals';
import { type DenyReason, NOT_STOPPED } from '@portcullis/policy/model';
import { asking, keeping, readingRelease, type Subject, subjectOf } from '../fixtures/decisions.js';
import { approvalOf, createPayments, subject as held } from '../fixtures/held-payments.js';
import { toolCall } from '../fixtures/requests.js';
import type { DecideParts } from './decide.js';
import type { DecisionRecord, Snapshot } from './ports.js';

let snapshot: Snapshot;
beforeAll(async () => {
  snapshot = await readingRelease();
});
const subject = (changes: Partial<DecideParts> = {}): Subject => subjectOf(snapshot, changes);

describe('what an operator stopped', () => {
  const reason: DenyReason = { code: 'KILL_SWITCH', message: 'stopped', path: 'agent.id' };
  const stopping = { kills: { stops: () => reason } };

  test('is denied although policy allows it, under the release in force, and recorded', async () => {
    const records: DecisionRecord[] = [];
    const sink = { append: async (record: DecisionRecord) => void records.push(record) };
    const { decide } = subject({ ...stopping, sink });
    expect(await decide(asking(toolCall('read')))).toMatchObject({
      allow: false,
      effect: 'deny',
      deny: [reason],
      cache: { ttl_seconds: 0 },
      meta: { release_seq: 7, bundle_digest: 'ab'.repeat(32) },
    });
    expect(records).toMatchObject([{ effect: 'deny', deny: ['KILL_SWITCH'], agent: 'analyst' }]);
  });

  test('is said to be stopped, also by a PDP that has no release', async () => {
    const { decide } = subject({ ...stopping, snapshots: { current: () => ({ ok: false, message: 'none' }) } });
    expect((await decide(asking(toolCall('read')))).deny).toEqual([reason]);
  });

  test('asks no source, no assessor and no engine', async () => {
    const unasked = (): never => {
      throw new Error('asked');
    };
    const { decide, defects } = subject({
      ...stopping,
      snapshots: {
        current: () => ({ ok: true, snapshot: { ...snapshot, engine: { ...snapshot.engine, evaluate: unasked } } }),
      },
      sources: [{ name: 'x', provides: [''], supplement: unasked }],
      assessor: { reads: [], assess: unasked },
    });
    expect((await decide(asking(toolCall('read')))).deny).toEqual([reason]);
    expect(defects).toEqual([]);
  });

  test('is looked for only in requests that are one', async () => {
    const { decide } = subject(stopping);
    const unread = { subject: { ok: false, problems: [] } } as const;
    expect((await decide({ ...asking(toolCall('read')), ...unread })).deny).toMatchObject([
      { code: 'REQUEST_INVALID' },
    ]);
  });

  test('that cannot be looked up is denied', async () => {
    const { decide, defects } = subject({
      kills: {
        stops: () => {
          throw new Error('broken');
        },
      },
    });
    expect((await decide(asking(toolCall('read')))).deny).toMatchObject([{ code: 'INTERNAL_ERROR' }]);
    expect(defects).toHaveLength(1);
  });
});

describe('what was allowed, and is only asked whether it is stopped by now', () => {
  const onlyKills = { ...asking(toolCall('read')), onlyKills: true };

  test('is denied in either case; a reason code says that no kill stops it', async () => {
    const { decide } = subject();
    expect(await decide(onlyKills)).toMatchObject({
      allow: false,
      effect: 'deny',
      deny: [{ reason_code: NOT_STOPPED }],
      cache: { ttl_seconds: 0 },
    });
  });

  test('is neither evaluated nor counted nor put on record', async () => {
    const sink = keeping();
    const unasked = (): never => {
      throw new Error('asked');
    };
    const current = { ...snapshot, engine: { ...snapshot.engine, evaluate: unasked } };
    const { decide, counted, defects } = subject({
      sink,
      snapshots: { current: () => ({ ok: true, snapshot: current }) },
    });
    expect((await decide(onlyKills)).deny).toMatchObject([{ reason_code: NOT_STOPPED }]);
    expect([sink.records, counted, defects]).toEqual([[], [], []]);
  });

  test('is said to be stopped, and that is on record', async () => {
    const sink = keeping();
    const reason: DenyReason = { code: 'KILL_SWITCH', message: 'stopped', path: 'agent.id' };
    const { decide } = subject({ kills: { stops: () => reason }, sink });
    expect((await decide(onlyKills)).deny).toEqual([reason]);
    expect(sink.records).toMatchObject([{ deny: ['KILL_SWITCH'] }]);
  });

  test('too late, is not said to go on', async () => {
    const { decide } = subject();
    expect((await decide({ ...onlyKills, deadline: 0 })).deny).toMatchObject([{ code: 'PDP_TIMEOUT' }]);
  });

  test('uses no agreement up, and asks nobody for one', async () => {
    const { ask, agree, book } = held();
    const payment = createPayments();
    await ask(payment(), 1_000, { onlyKills: true });
    expect(book.records).toEqual([]);
    const id = approvalOf(await ask(payment()));
    await agree(id);
    await ask(payment(), 1_000, { onlyKills: true });
    expect((await ask(payment())).effect).toBe('allow');
  });
});
