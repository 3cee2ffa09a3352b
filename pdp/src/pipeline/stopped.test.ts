import { beforeAll, describe, expect, test } from '@jest/globals';
import type { DenyReason } from '@portcullis/policy/model';
import { asking, readingRelease, type Subject, subjectOf } from '../fixtures/decisions.js';
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
