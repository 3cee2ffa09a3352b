/** Requests in calls of their own, alone and in batches. */

import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fromWireDecision, type Wire } from '@portcullis/proto';
import { createLogger, PortcullisError, systemClock } from '@portcullis/runtime';
import { openTestServer, question, type TestServer } from '../fixtures/grpc-server.js';
import { decisionFor } from '../fixtures/held-decide.js';
import { AGENT } from '../fixtures/requests.js';
import type { Attempt } from '../pipeline/chain.js';
import { createEvaluate, createEvaluateBatch } from './evaluate.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('Evaluate', () => {
  test('answers with the decision and the epochs it was made under', async () => {
    const { decision } = await server.evaluate(question('a'));
    const read = decision === undefined ? undefined : fromWireDecision(decision);
    expect(read).toMatchObject({ ok: true, value: { decision: { allow: true }, epochs: { release_seq: 7 } } });
  });

  test.each([{}, { request: {} }, { request: { version: '1.0' } }, { request_digest: Buffer.alloc(5) }])(
    'a message without a readable request is a denial, not a failure: %j',
    async (message) => {
      const { decision } = await server.evaluate(message);
      expect(decision?.effect).toBe('DECISION_EFFECT_DENY');
    },
  );

  test.each(['throws', 'rejects'])(
    'a request whose handling %s gets INTERNAL at once, and says nothing of the cause',
    async (id) => {
      await expect(server.evaluate(question(id))).rejects.toMatchObject({
        code: status.INTERNAL,
        details: 'internal error',
      });
      expect((await server.evaluate(question('next'))).decision?.effect).toBe('DECISION_EFFECT_ALLOW');
    },
  );

  test('a caller without an identity gets UNAUTHENTICATED', async () => {
    server.peer.reject = new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'no');
    await expect(server.evaluate(question('a'))).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test.each([
    { name: 'Evaluate', create: createEvaluate, request: { only_kills: true } },
    { name: 'EvaluateBatch', create: createEvaluateBatch, request: { requests: [{ only_kills: true }] } },
  ])(
    '$name hands on the deadline of the caller, when it is the shorter one, its trace, and that only kills are asked about',
    async ({ create, request }) => {
      const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const before = systemClock.monotonic();
      const asked: Attempt[] = [];
      const spied = create({
        decide: async (attempt) => {
          asked.push(attempt);
          return decisionFor(attempt);
        },
        epochs: server.epochs,
        callers: { callerOf: () => ({ identity: AGENT, isValidNow: () => true }) },
        clock: systemClock,
        deadlineMs: 10_000,
        log: createLogger({ component: 'test', level: 'silent' }),
      });
      const deadlines = [Date.now() + 500, new Date(Date.now() + 500), Number.POSITIVE_INFINITY];
      for (const deadline of deadlines) {
        const metadata = new Metadata();
        metadata.set('traceparent', TRACEPARENT);
        const failure = await new Promise((resolve) =>
          spied({ request, metadata, getDeadline: () => deadline } as never, resolve),
        );
        expect(failure).toBeNull();
        const left = (asked.at(-1)?.deadline ?? 0) - before;
        expect(left).toBeGreaterThan(deadline === Number.POSITIVE_INFINITY ? 9_000 : 0);
        expect(left).toBeLessThan(deadline === Number.POSITIVE_INFINITY ? 20_000 : 5_000);
      }
      expect(asked.map(({ trace }) => trace)).toEqual(
        deadlines.map(() => ({ traceparent: TRACEPARENT, tracestate: '' })),
      );
      expect(asked.map(({ onlyKills }) => onlyKills)).toEqual(deadlines.map(() => true));
    },
  );
});

describe('EvaluateBatch', () => {
  function batch(requests: Wire.EvaluateRequest[]): Promise<Wire.EvaluateBatchResponse__Output> {
    return new Promise((resolve, reject) => {
      server.client.EvaluateBatch({ requests }, { deadline: Date.now() + 5_000 }, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no answer'));
      });
    });
  }

  test('answers in order, and one bad request does not spoil the others', async () => {
    const { responses = [] } = await batch([question('a'), {}, question('b')]);
    expect(responses.map((response) => response.decision?.effect)).toEqual([
      'DECISION_EFFECT_ALLOW',
      'DECISION_EFFECT_DENY',
      'DECISION_EFFECT_ALLOW',
    ]);
  });

  test('holds 256 and not one more', async () => {
    expect((await batch(Array.from({ length: 256 }, () => ({})))).responses).toHaveLength(256);
    await expect(batch(Array.from({ length: 257 }, () => ({})))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });
});

describe('an answer', () => {
  test('carries the epochs from before it was begun, not those of when it was ready', async () => {
    server.held.hold = true;
    server.epochs.reach('trust', 3);
    const answered = server.evaluate(question('a'));
    while (server.held.asked.get('a') === undefined) await new Promise((resolve) => setImmediate(resolve));
    server.epochs.reach('trust', 4);
    server.epochs.reach('kill', 1);
    server.held.asked.get('a')?.answer();
    expect((await answered).decision?.epochs).toMatchObject({ release_seq: 7, trust: 3 });
    server.held.hold = false;
    expect((await server.evaluate(question('b'))).decision?.epochs).toMatchObject({
      release_seq: 7,
      trust: 4,
      kill: 1,
    });
  });
});
