import { beforeAll, describe, expect, test } from '@jest/globals';
import { requestDigestHex } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import { asking, readingRelease, type Subject, subjectOf } from '../fixtures/decisions.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { toolCall } from '../fixtures/requests.js';
import type { DecideParts } from './decide.js';
import type { Snapshot } from './ports.js';

let snapshot: Snapshot;
beforeAll(async () => {
  snapshot = await readingRelease();
});
const subject = (changes: Partial<DecideParts> = {}): Subject => subjectOf(snapshot, changes);

describe('a decision', () => {
  test('says what the policy says, under one release, about exactly this request', async () => {
    const { decide, counted } = subject();
    const request = toolCall('read');
    expect(await decide(asking(request))).toMatchObject({
      decision_id: '00000000-0000-4000-8000-000000000001',
      allow: true,
      effect: 'allow',
      deny: [],
      request_digest: requestDigestHex(request),
      cache: { ttl_seconds: 0, scope: '' },
      meta: { release_seq: 7, bundle_digest: 'ab'.repeat(32), policy_version: '1.0.0', arm: 'stable', cached: false },
    });
    expect(counted).toEqual(['decided allow false']);
  });

  test('is told to those who follow it, after the answer; what they do wrong changes nothing', async () => {
    const told: string[] = [];
    const fail = (what: string): never => {
      throw new Error(what);
    };
    const { decide, defects } = subject({
      followers: [
        { follows: () => fail('no idea'), decided: () => void told.push('first') },
        { follows: () => false, decided: () => void told.push('second') },
        { follows: () => true, decided: () => fail('no room') },
        { follows: () => true, decided: (_question, _request, { effect }) => void told.push(`fourth: ${effect}`) },
      ],
    });
    expect((await decide(asking(toolCall('read')))).allow).toBe(true);
    expect(told).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['fourth: allow']);
    expect(defects).toEqual(['no idea', 'no room']);
  });

  test('keeps the snapshot that it began with', async () => {
    let current = snapshot;
    const gate = Promise.withResolvers<void>();
    const { decide } = subject({
      snapshots: { current: () => ({ ok: true, snapshot: current }) },
      sink: { append: () => gate.promise },
    });
    const pending = decide(asking(toolCall('read')));
    current = { ...snapshot, releaseSeq: 8 };
    gate.resolve();
    expect((await pending).meta.release_seq).toBe(7);
  });
});

describe('every failure denies', () => {
  const never = new Promise<void>(() => undefined);

  test.each<[string, Partial<DecideParts>, string]>([
    ['no bundle', { snapshots: { current: () => ({ ok: false, message: 'none' }) } }, 'NO_VALID_BUNDLE'],
    [
      'a snapshot source that throws',
      {
        snapshots: {
          current: () => {
            throw new Error('boom');
          },
        },
      },
      'INTERNAL_ERROR',
    ],
    [
      'a parser that throws',
      {
        parseRequest: () => {
          throw new RangeError('deep');
        },
      },
      'INTERNAL_ERROR',
    ],
    [
      'a sink that rejects',
      { sink: { append: () => Promise.reject(new PortcullisError('E', 'unavailable', 'disk')) } },
      'AUDIT_UNAVAILABLE',
    ],
    [
      'a sink that throws',
      {
        sink: {
          append: () => {
            throw new Error('boom');
          },
        },
      },
      'AUDIT_UNAVAILABLE',
    ],
    ['a sink that never answers', { sink: { append: () => never } }, 'PDP_TIMEOUT'],
  ])('%s', async (_name, changes, code) => {
    const { decide, counted } = subject(changes);
    const decision = await decide(asking(toolCall('read')));
    expect(decision).toMatchObject({
      allow: false,
      effect: 'deny',
      deny: [{ code }],
      conditions: [],
      obligations: [],
      matched: [],
    });
    expect(counted).toEqual(['decided deny false']);
  });

  test('an engine that throws; the defect is told', async () => {
    const engine: Snapshot['engine'] = {
      ...snapshot.engine,
      evaluate: () => {
        throw new TypeError('of undefined');
      },
    };
    const { decide, defects } = subject({
      snapshots: { current: () => ({ ok: true, snapshot: { ...snapshot, engine } }) },
    });
    expect(await decide(asking(toolCall('read')))).toMatchObject({ allow: false, deny: [{ code: 'INTERNAL_ERROR' }] });
    expect(defects).toEqual(['of undefined']);
  });

  test('a deadline that passed before it began, or during a stage', async () => {
    expect((await subject().decide({ deadline: 0 })).deny[0]?.code).toBe('PDP_TIMEOUT');
    const clock = createFakeClock();
    const slow = subject({
      clock,
      snapshots: {
        current: () => {
          clock.advance(60);
          return { ok: true, snapshot };
        },
      },
    });
    const decision = await slow.decide({ ...asking(toolCall('read')), deadline: clock.monotonic() + 50 });
    expect([decision.allow, decision.deny[0]?.code]).toEqual([false, 'PDP_TIMEOUT']);
  });
});
