import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { InjectOptions } from 'fastify';
import { createTestHttpApp, DENIED, type TestHttpApp } from '../fixtures/http-app.js';

const EVALUATE = '/v1/policy/evaluate';
/** Seed 004 §7.7, to the letter. */
const SEED = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  agent: { id: 'agent_123', type: 'analyst', trust_level: 0.82 },
  tool: { id: 'tool_789', name: 'financial_db', operation: 'query' },
  context: { timestamp: '2025-09-12T10:00:00Z', request_id: 'req_abc' },
  intent_risk: {
    decision: 'REVIEW',
    behavioral_signals: [{ signal_type: 'scope_violation' }],
    risk_dimensions: { data_exfiltration: 0.7 },
  },
};

let http: TestHttpApp;
beforeEach(() => {
  http = createTestHttpApp();
});
afterEach(() => http.app.close());

describe('POST /v1/policy/evaluate', () => {
  test("takes the seed's request and answers the whole decision", async () => {
    const answer = await http.post(EVALUATE, SEED);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toMatchObject({
      allow: true,
      deny: [],
      conditions: [],
      obligations: [],
      cache: { ttl_seconds: 0 },
      meta: { policy_version: '1.0.0' },
    });
    expect(http.attempts).toMatchObject([
      { caller: { kind: 'agent', agent: 'analyst' }, subject: { ok: true, value: SEED }, deadline: 1_050 },
    ]);
  });

  test('the token of the user goes on beside the request', async () => {
    await http.post(EVALUATE, SEED, { 'x-portcullis-user-token': 'a.b.c' });
    expect(http.attempts.at(-1)?.userToken).toBe('a.b.c');
    await http.post(EVALUATE, SEED);
    expect(http.attempts.at(-1)).not.toHaveProperty('userToken');
    const empty = await http.post(EVALUATE, SEED, { 'x-portcullis-user-token': '' });
    expect(empty.statusCode).toBe(400);
  });

  test.each([
    ['a denial', DENIED],
    ['a hold', { ...DENIED, effect: 'hold' as const }],
  ])('%s is an answer, too', async (_name, changes) => {
    const denying = createTestHttpApp(() => changes);
    const answer = await denying.post(EVALUATE, SEED);
    expect([answer.statusCode, answer.json<{ allow: boolean }>().allow]).toEqual([200, false]);
    expect(denying.answered).toEqual(['evaluate 200']);
    await denying.app.close();
  });

  const deep = `${'['.repeat(65)}${']'.repeat(65)}`;
  test.each<[string, string | object, number, string]>([
    ['an empty body', '', 400, 'ERR_HTTP_INVALID'],
    ['a list', [], 400, 'ERR_HTTP_INVALID'],
    ['null', 'null', 400, 'ERR_HTTP_INVALID'],
    ['text that is no JSON', '{', 400, 'ERR_REQUEST_JSON'],
    ['a key twice', '{"version":"1.0","version":"1.0"}', 400, 'ERR_REQUEST_JSON'],
    ['a prototype key', '{"__proto__":{}}', 400, 'ERR_REQUEST_JSON'],
    ['a lone surrogate', '{"version":"\\ud800"}', 400, 'ERR_REQUEST_JSON'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 400, 'ERR_REQUEST_JSON'],
    ['an unsafe integer', '{"version":9007199254740993}', 400, 'ERR_REQUEST_JSON'],
    ['too much depth', `{"version":${deep}}`, 400, 'ERR_REQUEST_JSON'],
    ['an unknown member', { ...SEED, extra: 1 }, 400, 'ERR_HTTP_INVALID'],
    ['facts', { ...SEED, facts: {} }, 400, 'ERR_HTTP_INVALID'],
    ['a missing member', { ...SEED, tenant_id: undefined }, 400, 'ERR_HTTP_INVALID'],
    ['a member of the wrong type', { ...SEED, tenant_id: 1 }, 400, 'ERR_HTTP_INVALID'],
    ['more than the cap', `{"x":"${'a'.repeat(5_000)}"}`, 413, 'ERR_HTTP_TOO_LARGE'],
  ])('refuses %s', async (_name, body, status, code) => {
    const answer = await http.post(EVALUATE, body);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ type: `urn:portcullis:error:${code}`, status });
    expect(http.attempts).toEqual([]);
    expect(http.answered).toEqual([`evaluate ${status}`]);
  });

  test('names every finding with its place', async () => {
    const answer = await http.post(EVALUATE, { ...SEED, agnet: {}, source: 'mcp' });
    expect(answer.json()).toMatchObject({
      problems: expect.arrayContaining([
        expect.objectContaining({ code: 'ERR_REQUEST_UNKNOWN_FIELD', path: 'agnet' }),
        expect.objectContaining({ code: 'ERR_REQUEST_VALUE', path: 'source' }),
      ]),
    });
  });

  test.each<[string, InjectOptions['headers'], number]>([
    ['text/plain', { 'content-type': 'text/plain' }, 415],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['something that begins like JSON', { 'content-type': 'application/json-patch+json' }, 415],
    ['no type', { 'content-type': undefined }, 415],
    ['compressed', { 'content-encoding': 'gzip' }, 415],
    ['UTF-8 by name', { 'content-type': 'Application/JSON;charset="UTF-8"' }, 200],
  ])('the type of the body: %s', async (_name, headers, status) => {
    expect((await http.post(EVALUATE, SEED, headers)).statusCode).toBe(status);
    expect(http.attempts).toHaveLength(status === 200 ? 1 : 0);
  });

  test('a defect says nothing about our inside', async () => {
    const broken = createTestHttpApp(() => {
      throw new TypeError('secret path /etc');
    });
    const answer = await broken.post(EVALUATE, SEED);
    expect(answer.json()).toEqual({
      type: 'urn:portcullis:error:ERR_INTERNAL',
      title: 'Internal error',
      status: 500,
      code: 'ERR_INTERNAL',
    });
    expect(broken.answered).toEqual(['evaluate 500']);
    await broken.app.close();
  });
});

describe('who and where', () => {
  test.each([EVALUATE, '/access/v1/evaluation', '/access/v1/evaluations', '/nowhere'])(
    'somebody unknown learns nothing about %s',
    async (url) => {
      const answer = await http.post(url, SEED, { 'x-peer': '', 'x-request-id': 'r-1' });
      expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="portcullis"']);
      expect(answer.headers['x-request-id']).toBe('r-1');
      expect(http.attempts).toEqual([]);
    },
  );

  test.each<[InjectOptions['method'], string, number, string | undefined]>([
    ['GET', EVALUATE, 405, 'POST'],
    ['PUT', EVALUATE, 405, 'POST'],
    ['GET', '/access/v1/evaluation', 405, 'POST'],
    ['DELETE', '/access/v1/evaluations?x=1', 405, 'POST'],
    ['POST', '/.well-known/authzen-configuration', 405, 'GET'],
    ['GET', '/', 404, undefined],
    ['POST', '/access/v1/search/subject', 404, undefined],
    ['POST', '/v1/policy/evaluate/', 404, undefined],
    ['POST', '/__proto__', 404, undefined],
  ])('%s %s', async (method = 'GET', url, status, allow) => {
    const answer = await http.app.inject({
      method,
      url,
      headers: { 'x-peer': 'spiffe://portcullis.test/gateway/edge' },
    });
    expect([answer.statusCode, answer.headers['allow']]).toEqual([status, allow]);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  test('a path that cannot be decoded is refused as a problem, too', async () => {
    const answer = await http.app.inject({ method: 'GET', url: '/%zz' });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'ERR_HTTP_INVALID']);
  });
});
