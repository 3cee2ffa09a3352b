/**
 * The HTTPS endpoint of a real PDP process: who is answered, by certificate or token, that what is decided is on record,
 * and that slow, oversized and broken requests end in an answer or a closed connection.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, issueLeaf, writeDevelopmentPki, writeLeaf } from '@portcullis/cli';
import type { Decision } from '@portcullis/policy/model';
import type { TlsFiles } from '@portcullis/runtime';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { policySource } from '../support/policy-source.js';
import { AGENT, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

/** The body of seed 004's curl, to the letter. */
const SEED = `{
"version": "1.0",
"tenant_id": "acme",
"source": "mcp_proxy",
"agent": {"id": "agent_123", "type": "analyst", "trust_level": 0.82},
"tool": {"id": "tool_789", "name": "financial_db", "operation": "query"},
"context": {"timestamp": "2025-09-12T10:00:00Z", "request_id": "req_abc"},
"intent_risk": {"decision": "REVIEW", "behavioral_signals": [{"signal_type": "scope_violation"}], "risk_dimensions": {"data_exfiltration": 0.7}}
}`;
const EVALUATE = '/v1/policy/evaluate';
const seed = JSON.parse(SEED) as Record<string, unknown>;
const asAgent = (id: string): string => JSON.stringify({ ...seed, agent: { id } });
const DAY_MS = 86_400_000;

let folder = '';
let issuerKey: KeyObject;
let strangersKey: KeyObject;
let stack: Stack;
let base = '';
const agents: Agent[] = [];

function token(claims: object = {}, key = issuerKey): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = {
    iss: 'https://issuer.test',
    aud: 'pdp',
    exp: Math.floor(Date.now() / 1000) + 300,
    sub: 'agent_123',
    tenant: 'acme',
    ...claims,
  };
  const signed = `${part({ alg: 'ES256', kid: 'one' })}.${part(payload)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function connectionOf(files: TlsFiles | undefined): ConnectionOptions {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const ca = read(stack.tls({ kind: 'agent', ...AGENT }).caFile);
  const own = files === undefined ? {} : { cert: read(files.certFile), key: read(files.keyFile) };
  return { ca, ...own, checkServerIdentity: () => undefined };
}

function agentOf(files?: TlsFiles): Agent {
  const { ca, cert, key, checkServerIdentity } = connectionOf(files) as Record<string, never>;
  const own = files === undefined ? {} : { cert, key };
  const agent = new Agent({ connect: { ca, checkServerIdentity, ...own } });
  agents.push(agent);
  return agent;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: Record<string, unknown>;
}

async function post(path: string, body: string, agent: Agent, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await request(`${base}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    dispatcher: agent,
  });
  const json = (await answer.body.json()) as Record<string, unknown>;
  return { status: answer.statusCode, headers: answer.headers, json };
}

/** Writes bytes, reads until the server closes. */
function raw(bytes: string, options: ConnectionOptions = {}): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ...connectionOf(undefined), ...options }, () =>
      socket.write(bytes),
    );
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-http-'));
  const pairs = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const [issuer, stranger] = pairs;
  if (issuer === undefined || stranger === undefined) throw new Error('no keys');
  issuerKey = createPrivateKey(issuer.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  strangersKey = stranger.privateKey;
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: [{ ...issuer.publicKey.export({ format: 'jwk' }), kid: 'one' }] }));
  stack = await startStack({
    pdps: 1,
    logLevel: 'warn',
    pdp: {
      gateways: { edge: ['acme'] },
      users: { assertedBy: ['edge'] },
      limits: { decisionDeadlineMs: 5_000 },
      http: {
        auth: { jwt: { issuer: 'https://issuer.test', audience: 'pdp', jwksFile } },
        limits: { requestTimeoutMs: 1_000, maxBodyBytes: 16_384 },
      },
    },
  });
  const { seq } = await stack.publish(
    policySource('1.0.0', [
      {
        name: 'Queries',
        when: { field: 'tool.operation', operator: 'equals', value: 'query' },
        effect: { type: 'allow' },
        priority: 50,
      },
    ]),
  );
  await stack.loaded(seq);
  base = `https://${stack.pdps[0]?.addresses['https'] ?? ''}`;
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.destroy()));
  await stack?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('AuthZEN search', () => {
  test('is announced, and answers in pages', async () => {
    const agent = agentOf(stack.tls({ kind: 'agent', ...AGENT }));
    const metadata = await request(`${base}/.well-known/authzen-configuration`, { dispatcher: agent });
    const endpoint = ((await metadata.body.json()) as Record<string, string>)['search_action_endpoint'] ?? '';
    expect(endpoint).toBe(`${base}/access/v1/search/action`);
    const body = {
      subject: { type: 'agent', id: AGENT.agent },
      resource: { type: 'tool', id: 'financial_db' },
      page: { limit: 1, properties: { candidates: ['drop', 'query', 'list'] } },
    };
    const first = await post('/access/v1/search/action', JSON.stringify(body), agent);
    expect([first.status, first.json['results']]).toEqual([200, [{ name: 'query' }]]);
    const { next_token: token } = first.json['page'] as { readonly next_token: string };
    const last = await post(
      '/access/v1/search/action',
      JSON.stringify({ ...body, page: { ...body.page, token } }),
      agent,
    );
    expect([last.status, last.json['results'], last.json['page']]).toEqual([200, [], { next_token: '', count: 0 }]);
    const other = await post('/access/v1/search/action', JSON.stringify({ ...body, page: { token } }), agent);
    expect([other.status, other.json['code']]).toEqual([400, 'ERR_HTTP_INVALID']);
    const tools = { ...body, action: { name: 'query' }, resource: { type: 'tool' }, page: {} };
    const unlisted = await post('/access/v1/search/resource', JSON.stringify(tools), agent);
    expect([unlisted.status, unlisted.json['results']]).toEqual([200, []]);
    expect(unlisted.json['context']).toMatchObject({ candidates: 'none', unlisted: { path: 'resource.type' } });
  });
});

describe("seed 004's curl", () => {
  test('by token: the decision, which is on record', async () => {
    const answer = await post(EVALUATE, SEED, agentOf(), { authorization: `Bearer ${token()}` });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    const decision = answer.json as unknown as Decision;
    expect(decision).toMatchObject({
      allow: true,
      effect: 'allow',
      deny: [],
      conditions: [],
      obligations: [],
      cache: { ttl_seconds: 0, scope: '' },
      meta: { policy_version: '1.0.0', cached: false },
    });
    const records = stack.decisions().filter(({ decision_id }) => decision_id === decision.decision_id);
    expect(records).toMatchObject([{ effect: 'allow', tenant: 'acme', agent: 'agent_123' }]);
  });

  test('by certificate of an agent, and of a gateway', async () => {
    const agent = agentOf(stack.tls({ kind: 'agent', ...AGENT }));
    expect((await post(EVALUATE, asAgent(AGENT.agent), agent)).json).toMatchObject({ allow: true });
    const gateway = agentOf(await stack.issue({ kind: 'gateway', name: 'edge' }));
    expect((await post(EVALUATE, SEED, gateway)).json).toMatchObject({ allow: true });
  });

  test.each([
    ['another agent', { ...seed, agent: { id: 'root' } }],
    ['another tenant', { ...seed, tenant_id: 'globex' }],
    ['what people agreed to', { ...seed, context: { ...(seed['context'] as object), approval: {} } }],
    ['an operation that no rule allows', { ...seed, tool: { name: 'financial_db', operation: 'drop' } }],
  ])('about %s is denied, with status 200', async (_name, body) => {
    const answer = await post(EVALUATE, JSON.stringify(body), agentOf(), { authorization: `Bearer ${token()}` });
    expect([answer.status, answer.json['allow'], answer.json['effect']]).toEqual([200, false, 'deny']);
  });
});

describe('who is not answered', () => {
  test.each<[string, () => Record<string, string>]>([
    ['nobody', () => ({})],
    ['another scheme', () => ({ authorization: 'Basic YTpi' })],
    ['a token of another issuer', () => ({ authorization: `Bearer ${token({ iss: 'https://evil.test' })}` })],
    ['a token of a stranger', () => ({ authorization: `Bearer ${token({}, strangersKey)}` })],
    ['a token that is over', () => ({ authorization: `Bearer ${token({ exp: 1 })}` })],
  ])('%s', async (_name, headers) => {
    const { status, headers: answered, json } = await post(EVALUATE, SEED, agentOf(), headers());
    expect([status, json['code']]).toEqual([401, 'ERR_IDENTITY_REJECTED']);
    expect(answered['www-authenticate']).toBe('Bearer realm="portcullis"');
    expect(answered['content-type']).toMatch(/^application\/problem\+json/);
  });

  test.each<[string, () => Promise<TlsFiles>]>([
    ['a publisher', async () => stack.tls({ kind: 'publisher', name: 'publisher' })],
    ['an agent of yesterday', () => issued({ notAfter: new Date(Date.now() - DAY_MS) })],
    ['an agent of a stranger', issuedByStranger],
  ])('%s, not even with a good token', async (_name, files) => {
    const agent = agentOf(await files());
    const headers = { authorization: `Bearer ${token()}` };
    expect((await post(EVALUATE, SEED, agent, headers)).status).toBe(401);
  });

  test('a certificate and a token that disagree', async () => {
    const agent = agentOf(stack.tls({ kind: 'agent', ...AGENT }));
    const headers = (sub: string): Record<string, string> => ({ authorization: `Bearer ${token({ sub })}` });
    expect((await post(EVALUATE, asAgent(AGENT.agent), agent, headers('agent_123'))).status).toBe(401);
    expect((await post(EVALUATE, asAgent(AGENT.agent), agent, headers(AGENT.agent))).status).toBe(200);
  });

  function issued(overrides: { notAfter: Date }): Promise<TlsFiles> {
    return stack.issue({ kind: 'agent', ...AGENT }, { notBefore: new Date(Date.now() - 2 * DAY_MS), ...overrides });
  }

  async function issuedByStranger(): Promise<TlsFiles> {
    const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves: [], now: new Date() });
    await writeDevelopmentPki(join(folder, 'stranger'), pki, { force: false });
    const leaf = await issueLeaf(pki.authority, { kind: 'agent', ...AGENT }, { now: new Date() });
    return writeLeaf(join(folder, 'stranger'), { ...leaf, folder: 'agent' }, { force: false });
  }
});

describe('bytes', () => {
  test('TLS 1.2 is not spoken', async () => {
    await expect(raw('', { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/i);
  });

  test.each([
    ['half a head', 'POST /v1/policy/evaluate HTTP/1.1\r\nHost: x\r\n', 408],
    [
      'half a body',
      () =>
        `POST /v1/policy/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n` +
        `Authorization: Bearer ${token()}\r\n\r\n{`,
      408,
    ],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a head without an end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`, 431],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ])('%s', async (_name, bytes, status) => {
    const text = await raw(typeof bytes === 'string' ? bytes : bytes());
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain('application/problem+json');
  });

  test('a body over the cap', async () => {
    const body = JSON.stringify({ ...seed, extra: 'x'.repeat(20_000) });
    expect((await post(EVALUATE, body, agentOf(), { authorization: `Bearer ${token()}` })).status).toBe(413);
  });
});

describe('AuthZEN', () => {
  test('discovery leads to an answer', async () => {
    const found = await request(`${base}/.well-known/authzen-configuration`, { dispatcher: agentOf() });
    const metadata = (await found.body.json()) as Record<string, string>;
    expect(metadata['policy_decision_point']).toBe(base);
    const path = (metadata['access_evaluations_endpoint'] ?? '').slice(base.length);
    const gateway = agentOf(await stack.issue({ kind: 'gateway', name: 'edge' }));
    const body = {
      subject: { type: 'user', id: 'alice@example.com' },
      resource: { type: 'tool', id: 'financial_db' },
      context: { agent: 'agent_123' },
      evaluations: [{ action: { name: 'query' } }, { action: { name: 'drop' } }, {}],
    };
    const answer = await post(path, JSON.stringify(body), gateway, { 'x-request-id': 'bfe9eb29' });
    expect([answer.status, answer.headers['x-request-id']]).toEqual([200, 'bfe9eb29']);
    expect(answer.json).toMatchObject({
      evaluations: [
        { decision: true, context: { policy_version: '1.0.0' } },
        { decision: false, context: { reasons: [{ code: 'NO_MATCHING_POLICY' }] } },
        { decision: false, context: { error: { status: 400 } } },
      ],
    });
  });
});

test('every answer is counted, and a drain ends a connection that is kept alive', async () => {
  const agent = agentOf();
  await post(EVALUATE, SEED, agent, { authorization: `Bearer ${token()}` });
  const [pdp] = stack.pdps;
  const metrics = async (): Promise<string> =>
    (await request(`http://${pdp?.addresses['admin'] ?? ''}/metrics`)).body.text();
  await eventually('the counters', async () => {
    const text = await metrics();
    return ['evaluate",status="200', 'evaluate",status="401', 'other",status="408', 'evaluate",status="413'].every(
      (labels) => new RegExp(`http_requests_total\\{route="${labels}"\\} [1-9]`).test(text),
    );
  });
  expect(await pdp?.terminate()).toBe(0);
});
