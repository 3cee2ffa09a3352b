/** Clients of 2025-11-25: their held calls wait. */

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createHeldPayments, last, messages, until } from '../../../testing/held-payments.js';
import type { Answered } from '../../../testing/proxy-harness.js';

const { start, close } = createHeldPayments();
afterEach(close);

describe('a client of 2025-11-25', () => {
  test('waits, is told so, and gets the result once people agreed', async () => {
    const { people, harness, calls, payLegacy } = await start({ progressMs: 100 });
    const waiting = payLegacy(1, { progressToken: 'p' });
    await until(() => harness.news.waiting === 1);
    const waitedSince = Date.now();
    await until(() => Date.now() > waitedSince + 250);
    people.approve();
    harness.news.told('pdp-1', 1);
    const told = messages(await waiting) as readonly { method?: string; params?: { progress: number } }[];
    const progress = told
      .filter(({ method }) => method === 'notifications/progress')
      .map(({ params }) => params?.progress ?? 0);
    expect(progress.length).toBeGreaterThan(0);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(told.at(-1)).toMatchObject({ id: 1, result: {} });
    expect(calls()).toBe(1);
  });

  test('asks the very same question again while it waits', async () => {
    const { people, harness, payLegacy } = await start({ pollMs: 100, waitMs: 450 });
    await payLegacy();
    expect(people.asked.length).toBeGreaterThan(1);
    expect(new Set(people.asked.map((request) => JSON.stringify(request))).size).toBe(1);
    // It is one attempt.
    expect(await harness.registry.metrics()).toContain('attempts_total{source="mcp_proxy",outcome="held"} 1\n');
  });

  test('gets an error with the approval after the wait; made again, the call attaches to it', async () => {
    const { people, calls, payLegacy } = await start({ waitMs: 50 });
    const { error } = last(await payLegacy());
    expect([error?.code, error?.data?.['hold']]).toEqual([
      -31428,
      expect.objectContaining({ approval_id: 'approval-1' }),
    ]);
    people.approve();
    expect(last(await payLegacy(2)).result).toBeDefined();
    expect([calls(), people.used]).toEqual([1, ['approval-1']]);
  });

  test('that goes away while it waits leaves the approval to its next attempt', async () => {
    const { people, harness, calls, payLegacy } = await start();
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'pay', arguments: { to: 'bob' } },
    });
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const leaving = httpRequest({ port: harness.port, host: '127.0.0.1', path: '/mcp/files', method: 'POST', headers });
    leaving.on('error', () => undefined);
    leaving.end(body);
    await once(leaving, 'response');
    await until(() => harness.news.waiting === 1);
    leaving.destroy();
    await until(() => harness.news.waiting === 0);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect([calls(), people.used]).toEqual([0, []]);
    expect(last(await payLegacy()).result).toBeDefined();
    expect(calls()).toBe(1);
  });

  test('that cancels ends the waiting, and nothing goes to the server any more', async () => {
    const { people, harness, calls, payLegacy } = await start();
    const waiting = payLegacy(7);
    await until(() => harness.news.waiting === 1);
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    await harness.post(cancel, ['mcp-protocol-version', '2025-11-25', 'mcp-session-id', 's-1']);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last(await waiting).error).toBeDefined();
    expect([calls(), people.used]).toEqual([0, []]);
  });

  test.each([
    ['while its call is decided', ['tools/call', 'notifications/cancelled']],
    ['before its call was read', ['notifications/cancelled', 'tools/call']],
  ])('that cancels %s ends the waiting as well', async (_when, order) => {
    const { people, client, harness, calls, payLegacy } = await start();
    const decided = Promise.withResolvers<void>();
    client.behaviour = async (request) => {
      if (request.tool?.operation === 'tools/call') await decided.promise;
      return people.behaviour(request);
    };
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    const sent = new Map<string, Promise<Answered>>();
    for (const method of order) {
      const headers = ['mcp-protocol-version', '2025-11-25', 'mcp-session-id', 's-1'];
      sent.set(method, method === cancel.method ? harness.post(cancel, headers) : payLegacy(7));
      await until(() => client.asked.some(({ tool }) => tool?.operation === method));
    }
    let isAnswered = false;
    const answered = sent.get('tools/call')?.finally(() => {
      isAnswered = true;
    });
    decided.resolve();
    await until(() => isAnswered || harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last((await answered) as Answered).error).toBeDefined();
    expect([calls(), people.used]).toEqual([0, []]);
    await Promise.all(sent.values());
  });

  test('whose earlier attempt still waits takes its place', async () => {
    const { people, harness, calls, payLegacy } = await start();
    const first = payLegacy(1);
    await until(() => harness.news.waiting === 1);
    const second = payLegacy(2);
    expect(last(await first).error?.message).toContain('a later attempt');
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last(await second).result).toBeDefined();
    expect([calls(), people.used]).toEqual([1, ['approval-1']]);
  });

  test('without room to wait is told at once', async () => {
    const { people, harness, payLegacy } = await start({ maxWaiting: 1 });
    const waiting = payLegacy(1);
    await until(() => harness.news.waiting === 1);
    const params = { name: 'pay', arguments: { to: 'eve' } };
    const { error } = (await harness.post({ jsonrpc: '2.0', id: 2, method: 'tools/call', params })).json;
    expect(error?.code).toBe(-31428);
    people.approve();
    harness.news.told('pdp-1', 1);
    await waiting;
  });

  test('an approval that nobody gave in time is not asked for again by waiting', async () => {
    const { people, payLegacy } = await start({ pollMs: 100 });
    people.expiresInMs = 120;
    const { error } = last(await payLegacy());
    expect(error?.message).toContain('nobody approved this in time');
  });
});
