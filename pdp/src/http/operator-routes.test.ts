import { afterEach, describe, expect, test } from '@jest/globals';
import { PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { AGENT_ID, createTestHttpApp, EDGE_ID, OPERATOR_ID, type Operated } from '../fixtures/http-app.js';
import type { KillSwitch } from '../kill/kill-switch.js';
import type { Review } from '../reviews/review.js';
import type { Reviews } from '../reviews/reviews.js';

let app: FastifyInstance | undefined;
afterEach(async () => app?.close());

const offered: string[] = [];
function kills(fault?: PortcullisError): KillSwitch {
  return {
    stops: () => undefined,
    offer: async (bytes, path) => {
      if (fault !== undefined) throw fault;
      offered.push(`${path} ${new TextDecoder().decode(bytes)}`);
      return 'applied';
    },
    holds: () => false,
    epoch: { current: () => 0, onChange: () => () => undefined },
    state: () => ({ seq: 7, lists: [new TextEncoder().encode('list')], kills: [] }),
  };
}

function ask(
  method: 'GET' | 'PUT' | 'POST',
  url: string,
  {
    peer = OPERATOR_ID,
    payload,
    type = 'application/octet-stream',
    ...operated
  }: Operated & { peer?: string; payload?: InjectOptions['payload']; type?: string } = {},
): Promise<LightMyRequestResponse> {
  const made = createTestHttpApp(undefined, operated);
  app = made.app;
  const headers = { 'x-peer': peer, ...(payload === undefined ? {} : { 'content-type': type }) };
  return app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
}

describe('the routes of operators', () => {
  test.each([
    ['GET', '/v1/kill'],
    ['PUT', '/v1/kill'],
    ['GET', '/v1/quotas'],
    ['GET', '/v1/reviews'],
    ['POST', '/v1/reviews/x/close'],
    ['GET', '/v1/%6Bill'],
    ['PUT', '/v1/%6bill'],
    ['GET', '/%76%31/quotas'],
    ['GET', '/v1/revie%77s?closed=true'],
    ['POST', '/v1/revie%77s/x/close'],
  ] as const)('%s %s is for publishers alone', async (method, url) => {
    for (const peer of [AGENT_ID, EDGE_ID, 'spiffe://portcullis.test/pdp/x', 'spiffe://evil.test/publisher/ops', '']) {
      const answer = await ask(method, url, { peer });
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'ERR_IDENTITY_REJECTED' });
      await app?.close();
    }
  });

  test('a publisher asks for no decision', async () => {
    const answer = await ask('POST', '/v1/policy/evaluate', { payload: '{}' });
    expect(answer.statusCode).not.toBe(200);
  });

  test.each(['/v1/kill', '/v1/quotas'])('%s with another method says which there are', async (url) => {
    const answer = await ask('POST', url, { payload: 'x' });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toContain('GET');
  });
});

describe('a kill list', () => {
  test('is taken as the bytes it is, and what is in force is answered', async () => {
    const answer = await ask('PUT', '/v1/kill', { kills: kills(), payload: Buffer.from('signed') });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      env: 'dev',
      seq: 7,
      lists: [Buffer.from('list').toString('base64')],
      targets: null,
    });
    expect(offered).toEqual(['direct signed']);
  });

  test.each([
    ['ERR_KILL_REFUSED', 'invalid', 400],
    ['ERR_KILL_SEQ', 'conflict', 409],
    ['ERR_KILL_KEEP', 'unavailable', 503],
  ] as const)('%s is answered as it is', async (code, kind, status) => {
    const fault = new PortcullisError(code, kind, 'no');
    const answer = await ask('PUT', '/v1/kill', { kills: kills(fault), payload: Buffer.from('x') });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ code });
  });

  test('is not empty', async () => {
    expect((await ask('PUT', '/v1/kill', { kills: kills() })).statusCode).toBe(400);
  });

  test('that is too large is not read', async () => {
    const answer = await ask('PUT', '/v1/kill', { kills: kills(), payload: Buffer.alloc(600_000) });
    expect(answer.statusCode).toBe(413);
  });
});

describe('usage of quotas', () => {
  test('is what the ledger says', async () => {
    const quota = {
      quota: 'platform/q/x',
      kind: 'tokens',
      account: { tenant: 'acme' },
      unit: 'tokens',
      limit: 10,
      used: 3,
    } as const;
    const answer = await ask('GET', '/v1/quotas', { usage: async () => [quota] });
    expect(answer.json()).toEqual({ shared: true, quotas: [quota] });
  });

  test('that nobody can tell is not answered as none', async () => {
    const answer = await ask('GET', '/v1/quotas', { usage: async () => undefined });
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'ERR_QUOTA_STORE' });
  });
});

describe('reviews', () => {
  const id = '00000000-0000-4000-8000-000000000001';
  const review: Review = {
    id,
    tenant: 'acme',
    agent: 'analyst',
    request_digest: 'ab'.repeat(32),
    asked: [{ policy: 'platform/s/look' }],
    opened_at: '2026-11-22T12:00:00.000Z',
    recorded: true,
    told: ['slack'],
  };
  const closings: unknown[] = [];
  const reviews: Reviews = {
    accept: async () => true,
    withdraw: async () => undefined,
    list: async (closed) => (closed ? [review, review] : [review]),
    close: async (...how) => {
      closings.push(how);
      return { ...review, closed: { by: 'ops', at: review.opened_at, note: how[2] } };
    },
    look: async () => undefined,
    idle: async () => undefined,
    stop: async () => undefined,
  };

  test('are listed, closed ones when asked for', async () => {
    const { recorded: _recorded, ...shown } = review;
    expect((await ask('GET', '/v1/reviews', { reviews })).json()).toEqual({ reviews: [shown] });
    await app?.close();
    expect((await ask('GET', '/v1/reviews?closed=true', { reviews })).json()).toEqual({ reviews: [shown, shown] });
    await app?.close();
    expect((await ask('GET', '/v1/reviews?closed=yes', { reviews })).statusCode).toBe(400);
  });

  test('are closed by who the certificate says, with a note', async () => {
    const type = 'application/json';
    const close = (payload: string) => ask('POST', `/v1/reviews/${id}/close`, { reviews, payload, type });
    const answer = await close('{"note":"fine"}');
    expect([answer.statusCode, answer.json().closed.note]).toEqual([200, 'fine']);
    expect(closings).toEqual([[id, 'ops', 'fine']]);
    for (const body of ['{}', '{"note":""}', '{"note":1}', '{"note":"x","by":"ceo"}', '[]']) {
      await app?.close();
      expect((await close(body)).statusCode).toBe(400);
    }
    await app?.close();
    expect((await ask('POST', `/v1/reviews/${id}/close`, { payload: '{"note":"x"}', type })).statusCode).toBe(404);
  });
});
