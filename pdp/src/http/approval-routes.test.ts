import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CryptoKey, JWTPayload } from 'jose';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { approvalsConfig } from '../approvals/approvals-config.js';
import { createApproverReader } from '../approvals/approver-token.js';
import { createDesk } from '../approvals/desk.js';
import { createShowing } from '../approvals/shown.js';
import { heldRequest } from '../approvals/store-contract.js';
import { createTestBook, type TestBook } from '../fixtures/approvals.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { AGENT_ID, createTestHttpApp, EDGE_ID, type TestHttpApp } from '../fixtures/http-app.js';

const ISSUER = 'https://login.test';
let key: CryptoKey;
let strangersKey: CryptoKey;
let jwks: Parameters<typeof createLocalJWKSet>[0];
let http: TestHttpApp;
let book: TestBook;

beforeAll(async () => {
  const [pair, stranger] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  key = pair.privateKey;
  strangersKey = stranger.privateKey;
  jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256' }] };
});
beforeEach(() => {
  const clock = createFakeClock();
  const [config] = approvalsConfig.parse({
    approvers: [{ issuer: ISSUER, audience: 'approvals', jwksFile: 'x', tenants: ['acme', 'globex'] }],
  }).approvers;
  if (config === undefined) throw new Error('no approver');
  book = createTestBook(clock);
  http = createTestHttpApp(undefined, {
    approvals: {
      desk: createDesk(book, 3_600, { look: async () => ({ end: 'removed', from: undefined, records: 0 }) }),
      approvers: createApproverReader([{ config, keys: createLocalJWKSet(jwks) }], clock),
      certified: undefined,
      waiting: book.store,
      reveal: createShowing('summary', undefined).reveal,
    },
  });
});
afterEach(() => http.app.close());

/** The token of an admin of acme, unless `claims` say something else. */
function token(claims: JWTPayload = {}, signer = key): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const said = {
    iss: ISSUER,
    aud: 'approvals',
    exp: now + 60,
    sub: 'ann',
    tenant: 'acme',
    roles: ['admin'],
    ...claims,
  };
  return new SignJWT(said).setProtectedHeader({ alg: 'ES256' }).sign(signer);
}

interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

async function call(method: 'GET' | 'POST', url: string, claims?: JWTPayload, body: unknown = {}): Promise<Answer> {
  return send(method, url, await token(claims), body);
}

async function send(method: 'GET' | 'POST', url: string, bearer: string, body: unknown = {}): Promise<Answer> {
  const answer = await http.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { payload: JSON.stringify(body) } : {}),
  });
  return { status: answer.statusCode, json: answer.json() };
}

/** A pending approval of the agent analyst, for the user uma. */
async function held(changes: Parameters<typeof heldRequest>[0] = {}): Promise<string> {
  const about = { tool: 'pay', server: 'bank', user: 'uma', user_email: 'Uma@Acme.test', target: 'target' };
  const asked = { ...about, payload: { arguments: { to: 'bob' } }, argument_digests: { to: 'd', amount: 'e' } };
  const presentation = await book.store.present(heldRequest({ about: asked, ...changes }));
  if (presentation.outcome !== 'pending') throw new Error(presentation.outcome);
  return presentation.approval.id;
}

describe('approvers', () => {
  test('see what waits in their tenant, and what is asked for', async () => {
    const id = await held();
    await held({ tenant: 'globex', binding: 'g' });
    const { status, json } = await call('GET', '/v1/approvals');
    expect([status, http.answered.at(-1)]).toEqual([200, 'approvals 200']);
    expect(json['approvals']).toEqual([
      {
        id,
        state: 'pending',
        tenant: 'acme',
        agent: 'analyst',
        request: {
          tool: 'pay',
          server: 'bank',
          user: 'uma',
          user_email: 'Uma@Acme.test',
          payload: { arguments: { to: 'bob' } },
        },
        binding: 'binding',
        bundle_digest: 'bundle-1',
        release_seq: 1,
        definition_digest: 'definition-1',
        needs: [{ hold: 'platform/s/pay', type: 'require_approval', role: 'admin', quorum: 1 }],
        votes: [],
        created_at: expect.any(String),
        expires_at: expect.any(String),
      },
    ]);
    expect(await call('GET', `/v1/approvals/${id}`)).toEqual({
      status: 200,
      json: (json['approvals'] as readonly unknown[])[0],
    });
  });

  test('agree; it is recorded before it counts', async () => {
    const id = await held();
    const { status, json } = await call('POST', `/v1/approvals/${id}/approve`, {}, { comment: 'invoice 4711' });
    expect([status, json['state']]).toEqual([200, 'approved']);
    expect(json['votes']).toMatchObject([
      { person: 'ann', says: 'approve', holds: ['platform/s/pay'], comment: 'invoice 4711' },
    ]);
    expect(book.records).toMatchObject([{ event: 'approve', by: 'ann', comment: 'invoice 4711', approval_id: id }]);
    expect(book.notices).toMatchObject([{ event: 'decided', by: 'ann' }]);
    expect((await call('GET', '/v1/approvals'))['json']).toEqual({ approvals: [] });
    expect((await call('GET', '/v1/approvals?state=approved&limit=5')).json['approvals']).toHaveLength(1);
  });

  test('refuse, and take back', async () => {
    const id = await held();
    expect((await call('POST', `/v1/approvals/${id}/deny`)).json['state']).toBe('denied');
    const other = await held({ binding: 'other' });
    await call('POST', `/v1/approvals/${other}/approve`);
    expect((await call('POST', `/v1/approvals/${other}/revoke`)).json).toMatchObject({
      state: 'revoked',
      why: 'revoked by ann',
    });
    expect((await call('POST', `/v1/approvals/${other}/revoke`)).status).toBe(409);
  });

  test('whose word cannot be recorded have not spoken', async () => {
    const id = await held();
    Object.assign(book, { record: () => Promise.reject(new Error('disk full')) });
    const { status, json } = await call('POST', `/v1/approvals/${id}/approve`);
    expect([status, json['code']]).toEqual([503, 'ERR_APPROVAL_RECORD']);
    expect((await book.store.find('acme', id))?.state).toBe('pending');
  });

  test.each<[string, JWTPayload, number, string]>([
    ['of another role', { roles: ['clerk'] }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['whose group has the name of the role', { roles: [], groups: ['admin'] }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['whose roles are no list', { roles: 'admin' }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['who is the user of the request', { sub: 'uma' }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['who is the user, written otherwise', { sub: 'UMA' }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['who has the mail address of the user', { sub: '4711', email: 'uma@acme.test' }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['who is called like the agent', { sub: 'analyst' }, 403, 'ERR_APPROVAL_FORBIDDEN'],
    ['of another tenant', { tenant: 'globex' }, 404, 'ERR_APPROVAL_UNKNOWN'],
    ['of a tenant that the issuer may not speak for', { tenant: 'initech' }, 401, 'ERR_IDENTITY_REJECTED'],
    ['of another issuer', { iss: 'https://other.test' }, 401, 'ERR_IDENTITY_REJECTED'],
    ['with a token for something else', { aud: 'pdp' }, 401, 'ERR_IDENTITY_REJECTED'],
    ['with a token that is over', { exp: 1_000 }, 401, 'ERR_IDENTITY_REJECTED'],
    ['for whom somebody else acts', { act: { sub: 'analyst' } }, 401, 'ERR_IDENTITY_REJECTED'],
    ['without a name', { sub: '' }, 401, 'ERR_IDENTITY_REJECTED'],
    ['without a tenant', { tenant: 7 }, 401, 'ERR_IDENTITY_REJECTED'],
  ])('%s are not heard', async (_name, claims, status, code) => {
    const id = await held();
    for (const verb of ['approve', 'deny']) {
      const answer = await call('POST', `/v1/approvals/${id}/${verb}`, claims);
      expect([answer.status, answer.json['code']]).toEqual([status, code]);
    }
    expect((await book.store.find('acme', id))?.votes).toEqual([]);
    expect(book.records).toEqual([]);
  });

  test.each([
    ['of a stranger', () => token({}, strangersKey)],
    ['that is none', async () => 'x.y.z'],
    ['of a caller', async () => AGENT_ID],
  ])('with a token %s are not heard', async (_name, made) => {
    const id = await held();
    expect((await send('POST', `/v1/approvals/${id}/approve`, await made())).status).toBe(401);
  });

  test('are heard once each', async () => {
    const needs = [{ hold: 'platform/s/pay', type: 'require_approval', who: 'admin', quorum: 2 } as const];
    const id = await held({ needs });
    expect((await call('POST', `/v1/approvals/${id}/approve`)).json['state']).toBe('pending');
    expect((await call('POST', `/v1/approvals/${id}/approve`)).status).toBe(409);
    expect((await call('POST', `/v1/approvals/${id}/approve`, { sub: 'bob' })).json['state']).toBe('approved');
    expect((await call('POST', `/v1/approvals/${id}/approve`, { sub: 'cleo' })).status).toBe(409);
  });

  test.each<['GET' | 'POST', string, unknown, number]>([
    ['GET', '/v1/approvals?state=none', undefined, 400],
    ['GET', '/v1/approvals?limit=0', undefined, 400],
    ['GET', '/v1/approvals?who=me', undefined, 400],
    ['GET', '/v1/approvals/nothing', undefined, 404],
    ['POST', '/v1/approvals/nothing/approve', {}, 404],
    ['POST', '/v1/approvals/nothing/approve', { comment: 7 }, 400],
    ['POST', '/v1/approvals/nothing/approve', { comment: 'x'.repeat(501) }, 400],
    ['POST', '/v1/approvals/nothing/approve', { why: 'x' }, 400],
    ['POST', '/v1/approvals/nothing/approve', [], 400],
    ['GET', '/v1/approvals/nothing/approve', undefined, 405],
    ['POST', '/v1/approvals', {}, 405],
    ['GET', '/v1/approvals/a/b/c', undefined, 404],
  ])('%s %s is answered with a problem', async (method, url, body, status) => {
    // Who is not known is told nothing about paths.
    const answer = await http.app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${await token()}`,
        'x-peer': AGENT_ID,
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      },
      ...(method === 'POST' ? { payload: JSON.stringify(body) } : {}),
    });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  test('nobody at all is answered 401', async () => {
    const id = await held();
    for (const url of ['/v1/approvals', `/v1/approvals/${id}`, '/v1/grants']) {
      expect((await http.app.inject({ method: 'GET', url })).statusCode).toBe(401);
    }
  });
});

describe('an agent', () => {
  const look = async (id: string, peer: string): Promise<unknown> => {
    const answer = await http.app.inject({ method: 'GET', url: `/v1/approvals/${id}`, headers: { 'x-peer': peer } });
    return answer.statusCode === 200 ? answer.json() : answer.statusCode;
  };

  test('sees the state of what it waits for, and no more', async () => {
    const id = await held();
    const seen = { id, state: 'pending', needs: expect.any(Array), expires_at: expect.any(String) };
    expect(await look(id, AGENT_ID)).toEqual(seen);
    expect(await look(id, EDGE_ID)).toEqual(seen);
    expect(await look(id, AGENT_ID.replace('analyst', 'other'))).toBe(404);
    expect(await look(id, AGENT_ID.replace('acme', 'globex'))).toBe(404);
  });

  test('cannot list, answer or grant', async () => {
    const id = await held();
    for (const [method, url] of [
      ['GET', '/v1/approvals'],
      ['POST', `/v1/approvals/${id}/approve`],
      ['GET', '/v1/grants'],
      ['POST', '/v1/grants'],
      ['POST', '/v1/grants/preview'],
    ] as const) {
      const headers = { 'x-peer': AGENT_ID, 'content-type': 'application/json' };
      const answer = await http.app.inject({ method, url, headers, ...(method === 'POST' ? { payload: '{}' } : {}) });
      expect(answer.statusCode).toBe(401);
    }
  });
});

describe('standing grants', () => {
  const wish = (approval: string, changes: object = {}): object => ({
    approval,
    count: 3,
    expires_seconds: 600,
    vary: ['amount'],
    budget: { argument: 'amount', limit: 99.5 },
    comment: 'monthly',
    ...changes,
  });
  const agreed = async (): Promise<string> => {
    const id = await held();
    await call('POST', `/v1/approvals/${id}/approve`);
    return id;
  };

  test('are made of an approval, listed, shown and revoked', async () => {
    const approval = await agreed();
    const made = await call('POST', '/v1/grants', {}, wish(approval));
    expect([made.status, http.answered.at(-1)]).toEqual([201, 'grants 201']);
    expect(made.json).toMatchObject({
      state: 'active',
      agent: 'analyst',
      target: { tool: 'pay', server: 'bank', user: 'uma', digest: 'target' },
      arguments: { to: 'd' },
      vary: ['amount'],
      count: 3,
      used: 0,
      budget: { argument: 'amount', limit: 99.5, spent: 0 },
      created_by: 'ann',
      approval,
    });
    const id = String(made.json['id']);
    expect((await call('GET', '/v1/grants')).json).toEqual({ grants: [made.json] });
    expect((await call('GET', `/v1/grants/${id}`)).json).toEqual(made.json);
    expect((await call('GET', `/v1/grants/${id}`, { tenant: 'globex' })).status).toBe(404);
    expect((await call('POST', `/v1/grants/${id}/revoke`, { roles: ['clerk'] })).status).toBe(403);
    expect((await call('POST', `/v1/grants/${id}/revoke`, {}, { comment: 'over' })).json['state']).toBe('revoked');
    expect((await call('POST', `/v1/grants/${id}/revoke`)).status).toBe(409);
    expect(book.records.map(({ event }) => event)).toEqual(['approve', 'grant', 'revoke_grant', 'revoke_grant']);
  });

  test('are shown before they are made, to those who could make them', async () => {
    const approval = await held();
    const shown = await call('POST', '/v1/grants/preview', {}, wish(approval));
    expect([shown.status, http.answered.at(-1)]).toEqual([200, 'grants 200']);
    expect(shown.json).toMatchObject({
      approval,
      records: { complete: false, looked_at: 0 },
      covered: { held: 0, denied: 0, allowed: 0 },
      days: [],
    });
    expect((await call('POST', '/v1/grants/preview', { roles: ['clerk'] }, wish(approval))).status).toBe(403);
    expect((await call('POST', '/v1/grants/preview', {}, wish(approval, { tool: 'x' }))).status).toBe(400);
    expect((await call('GET', '/v1/grants/preview')).status).toBe(404);
    expect(await book.store.grants('acme')).toEqual([]);
  });

  test.each<[string, object, JWTPayload, number]>([
    ['for no uses', { count: 0 }, {}, 400],
    ['for half a use', { count: 1.5 }, {}, 400],
    ['for longer than may be', { expires_seconds: 3_601 }, {}, 400],
    ['that varies what is not there', { vary: ['other'] }, {}, 400],
    ['with a budget of what is not there', { budget: { argument: 'other', limit: 1 } }, {}, 400],
    ['with half a budget', { budget: { argument: 'amount' } }, {}, 400],
    ['with more than is known', { tool: 'x' }, {}, 400],
    ['of nothing', { approval: 'nothing' }, {}, 404],
    ['by the user of the request', {}, { sub: 'uma' }, 403],
    ['by another role', {}, { roles: ['clerk'] }, 403],
  ])('%s are not made', async (_name, changes, claims, status) => {
    const approval = await agreed();
    expect((await call('POST', '/v1/grants', claims, wish(approval, changes))).status).toBe(status);
    expect(await book.store.grants('acme')).toEqual([]);
  });

  test('are not made of what nobody agreed to, nor by one of several who must', async () => {
    const pending = await held();
    expect((await call('POST', '/v1/grants', {}, wish(pending))).status).toBe(409);
    const needs = [{ hold: 'platform/s/pay', type: 'require_approval', who: 'admin', quorum: 2 } as const];
    const two = await held({ needs, binding: 'two' });
    await call('POST', `/v1/approvals/${two}/approve`);
    await call('POST', `/v1/approvals/${two}/approve`, { sub: 'bob' });
    expect((await call('POST', '/v1/grants', {}, wish(two))).status).toBe(403);
  });
});
