import { afterEach, describe, expect, test } from '@jest/globals';
import { PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { AGENT_ID, createTestHttpApp, EDGE_ID, OPERATOR_ID, type Operated } from '../fixtures/http-app.js';
import type { KillSwitch } from '../kill/kill-switch.js';

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
  { peer = OPERATOR_ID, payload, ...operated }: Operated & { peer?: string; payload?: InjectOptions['payload'] } = {},
): Promise<LightMyRequestResponse> {
  const made = createTestHttpApp(undefined, operated);
  app = made.app;
  const headers = { 'x-peer': peer, ...(payload === undefined ? {} : { 'content-type': 'application/octet-stream' }) };
  return app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
}

describe('the routes of operators', () => {
  test.each([
    ['GET', '/v1/kill'],
    ['PUT', '/v1/kill'],
    ['GET', '/v1/quotas'],
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
