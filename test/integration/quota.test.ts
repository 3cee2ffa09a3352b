/**
 * Quotas from a signed release to the answer, over mutual TLS: a PDP that counts in its own memory, and three that share a
 * Redis, asked by a sidecar's client that hedges.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { createLogger, openTlsMaterial, type TlsFiles, type TlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { Redis } from 'ioredis';
import { sourceFiles } from '../support/bundle-source.js';
import { type EmbeddedPdp, type EmbeddedPdpOptions, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { createSignedRepository, must, type SignedRepository } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

// The first run may have to obtain the Redis server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const PREFIX = 'portcullis:quota';
const LIMIT = 20;

/** `hour` is limited per hour and `now` by calls under way. */
const BUNDLE = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'quotas',
    version: '1.0.0',
    default: 'deny',
    data: { prices: 'prices.json' },
    sets: [
      { name: 'quotas', layer: 'platform', combining: 'deny_overrides', priority_order: 'asc', policies: 'quotas' },
      { name: 'tools', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'tools' },
    ],
  }),
  'prices.json': JSON.stringify({
    currency: 'USD',
    models: [{ provider: 'p', model: 'm', input: '1', output: '1' }],
  }),
  'quotas/all.json': JSON.stringify([
    {
      name: 'Spend',
      type: 'quota',
      action: 'deny',
      priority: 10,
      config: { kind: 'cost', limit: 0.01, window_seconds: 3_600, per: ['tenant'] },
      enabled: true,
      when: { field: 'kind', operator: 'equals', value: 'inference' },
    },
    {
      name: 'Bytes',
      type: 'quota',
      action: 'deny',
      priority: 10,
      config: { kind: 'bytes', limit: 1_000, window_seconds: 3_600, per: ['tenant'] },
      enabled: true,
      when: { field: 'tool.name', operator: 'in', value: ['bulk'] },
    },
    {
      name: 'Per hour',
      type: 'rate_limit',
      action: 'deny',
      priority: 10,
      config: { max_requests: LIMIT, window_seconds: 3_600, per: ['tenant'] },
      enabled: true,
      when: { field: 'tool.name', operator: 'in', value: ['hour'] },
    },
    {
      name: 'Under way',
      type: 'quota',
      action: 'deny',
      priority: 10,
      config: { kind: 'concurrent', limit: 2, per: ['tenant'] },
      enabled: true,
      when: { field: 'tool.name', operator: 'in', value: ['now'] },
    },
  ]),
  'tools/all.json': JSON.stringify([
    {
      name: 'Tools',
      on: ['tool_call'],
      when: { field: 'tool.name', operator: 'in', value: ['hour', 'now', 'free', 'bulk'] },
      effect: { type: 'allow' },
      priority: 50,
    },
    { name: 'Models', on: ['inference'], when: 'always', effect: { type: 'allow' }, priority: 50 },
  ]),
});

let folder = '';
let repository: SignedRepository;
let material: TlsMaterial;
let pdpTls: TlsFiles;
const pdps: EmbeddedPdp[] = [];
const clients: PolicyClient[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-quota-'));
  const leaves = [
    { kind: 'pdp', name: 'pdp-embedded' },
    { kind: 'gateway', name: 'edge' },
  ] as const;
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now: new Date() });
  await writeDevelopmentPki(folder, pki, { force: false });
  const [own, gateway] = pki.leaves.map((leaf) => tlsFilesOf(folder, leaf));
  if (own === undefined || gateway === undefined) throw new Error('no leaves');
  pdpTls = own;
  material = await openTlsMaterial(gateway, { log });
  repository = createSignedRepository(ENV, CHANNEL);
  writeFileSync(join(folder, 'root.json'), repository.pinnedRoot);
  const { bytes, policyVersion } = must(await buildBundle(BUNDLE));
  repository.release({ bundle: bytes, policyVersion });
});

afterAll(async () => {
  for (const client of clients) await client.close();
  for (const pdp of pdps) await pdp.close();
  material?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function startPdp(quota?: EmbeddedPdpOptions['quota']): Promise<EmbeddedPdp> {
  const pdp = await startEmbeddedPdp({
    dataDir: join(folder, `pdp-${pdps.length}`),
    rootFile: join(folder, 'root.json'),
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    gateways: { edge: ['acme', 'rival'] },
    ...(quota === undefined ? {} : { quota }),
  });
  pdps.push(pdp);
  pdp.look();
  await eventually('the release to be enforced', () => pdp.statuses.some(({ state }) => state === 'loaded'));
  return pdp;
}

function connect(endpoints: readonly EmbeddedPdp[], hedgeAfterMs: number): PolicyClient {
  const client = createPolicyClient({
    config: pdpConfig.parse({
      endpoints: endpoints.map(({ address }) => address),
      deadlineMs: 2_000,
      hedgeAfterMs,
      reconnectMinMs: 20,
      reconnectMaxMs: 100,
      breaker: { volumeThreshold: 100_000, errorThresholdPercentage: 100, resetTimeoutMs: 2_001 },
    }),
    credentials: pdpCredentials(material, TRUST_DOMAIN),
    log,
  });
  clients.push(client);
  return client;
}

let asked = 0;
function call(name: string, tenant = 'acme'): CanonicalRequest {
  asked += 1;
  return {
    version: '1.0',
    tenant_id: tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'analyst' },
    tool: { server: 'files', name, operation: 'tools/call', arguments: {} },
    context: { timestamp: new Date().toISOString(), request_id: `req-${asked}` },
  };
}

function think(model: string): CanonicalRequest {
  const { tool: _none, ...request } = call('');
  return { ...request, kind: 'inference', request: { model, model_provider: 'p', max_tokens: 4_000 } };
}

async function decide(client: PolicyClient, request: CanonicalRequest): Promise<Decision> {
  const answer = await client.ask(request);
  if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
  return answer.decision;
}
const codeOf = ({ deny: [reason] }: Decision): string => reason?.code ?? 'allowed';

describe('a PDP that counts in its own memory', () => {
  let client: PolicyClient;
  beforeAll(async () => {
    client = connect([await startPdp()], 1_999);
    await eventually('a connection', async () => (await client.ask(call('free'))).kind === 'decision');
  });

  test('admits the limit, then says which quota, how much and until when; other tenants have their own', async () => {
    for (let count = 0; count < LIMIT; count += 1) expect(codeOf(await decide(client, call('hour')))).toBe('allowed');
    const denied = await decide(client, call('hour'));
    expect(denied.deny).toMatchObject([{ code: 'QUOTA_EXCEEDED', path: 'platform/per-hour' }]);
    expect(denied.deny[0]?.message).toMatch(/requests: 20 of 20 in 3600 s, room again at \d{4}-\d\d-\d\dT/);
    expect(codeOf(await decide(client, call('hour', 'rival')))).toBe('allowed');
    expect(codeOf(await decide(client, call('free')))).toBe('allowed');
  });

  test('counts a question once, however often it is asked', async () => {
    const request = call('now');
    for (let repeat = 0; repeat < 5; repeat += 1) expect(codeOf(await decide(client, request))).toBe('allowed');
    expect(codeOf(await decide(client, call('now')))).toBe('allowed');
    expect(codeOf(await decide(client, call('now')))).toBe('QUOTA_EXCEEDED');
  });

  test('reserves what a model call costs at most, counts what it cost, and has no room for one without a price', async () => {
    const first = await decide(client, think('m'));
    expect([codeOf(first), codeOf(await decide(client, think('m')))]).toEqual(['allowed', 'allowed']);
    const denied = await decide(client, think('m'));
    expect(denied.deny[0]).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(denied.deny[0]?.message).toContain('cost: 0.008 of 0.01 USD');
    const { decision_id, request_digest } = first;
    const usage = { input_tokens: 700, output_tokens: 300, model: 'm', model_provider: 'p' };
    client.settle({ decision_id, request_digest, outcome: 'forwarded', duration_ms: 1, usage });
    await eventually('the rest to be free', async () => codeOf(await decide(client, think('m'))) === 'allowed');
    expect((await decide(client, think('m'))).deny[0]?.message).toContain('cost: 0.009 of 0.01 USD');
    expect((await decide(client, think('unheard-of'))).deny).toMatchObject([
      { code: 'QUOTA_UNAVAILABLE', path: 'platform/spend' },
    ]);
  });

  test('counts the bytes that came back, and denies while there were more than the limit', async () => {
    const first = await decide(client, call('bulk'));
    expect(codeOf(first)).toBe('allowed');
    const { decision_id, request_digest } = first;
    const usage = { bytes_out: 100, bytes_in: 5_000 };
    client.settle({ decision_id, request_digest, outcome: 'forwarded', duration_ms: 1, usage });
    await eventually('the report to count', async () => codeOf(await decide(client, call('bulk'))) !== 'allowed');
    expect((await decide(client, call('bulk'))).deny[0]?.message).toMatch(/bytes: 5\d\d\d of 1000/);
  });

  test('has room for another call once the end of one is reported', async () => {
    const mine = await Promise.all([decide(client, call('now', 'rival')), decide(client, call('now', 'rival'))]);
    expect(mine.map(codeOf)).toEqual(['allowed', 'allowed']);
    expect(codeOf(await decide(client, call('now', 'rival')))).toBe('QUOTA_EXCEEDED');
    const [ended] = mine;
    if (ended === undefined) throw new Error('no decision');
    const { decision_id, request_digest } = ended;
    client.settle({ decision_id, request_digest, outcome: 'forwarded', duration_ms: 1 });
    await eventually('the lease to end', async () => codeOf(await decide(client, call('now', 'rival'))) === 'allowed');
    expect(codeOf(await decide(client, call('now', 'rival')))).toBe('QUOTA_EXCEEDED');
  });
});

describe('three PDPs that share a Redis', () => {
  let server: RedisServer;
  let admin: Redis;
  let client: PolicyClient;
  let three: EmbeddedPdp[];

  beforeAll(async () => {
    server = await startRedisServer();
    admin = new Redis({ host: server.host, port: server.port });
    admin.on('error', () => undefined);
    await vouch();
    const quota: EmbeddedPdpOptions['quota'] = {
      store: { type: 'redis', url: `redis://${server.host}:${server.port}`, tls: false, timeoutMs: 500 },
    };
    three = [await startPdp(quota), await startPdp(quota), await startPdp(quota)];
    // Every question goes to two of them.
    client = connect(three, 1);
    await eventually('connections', async () => (await client.ask(call('free'))).kind === 'decision');
  });
  afterAll(async () => {
    server?.resume();
    admin?.disconnect();
    await server?.close();
  });
  const vouch = async (): Promise<void> => void (await admin.set(`{${PREFIX}}:since`, '0'));

  async function burst(count: number): Promise<{ readonly allowed: number; readonly codes: readonly string[] }> {
    const codes = (await Promise.all(Array.from({ length: count }, () => decide(client, call('hour'))))).map(codeOf);
    return { allowed: codes.filter((code) => code === 'allowed').length, codes: [...new Set(codes)].toSorted() };
  }

  test('admit the limit together, hedged and raced', async () => {
    expect(await burst(4 * LIMIT)).toEqual({ allowed: LIMIT, codes: ['QUOTA_EXCEEDED', 'allowed'] });
    // What was given to a late hedge and to nobody else is at most what is left; nothing is left.
    expect(await burst(5)).toEqual({ allowed: 0, codes: ['QUOTA_EXCEEDED'] });
  });

  test('deny what a quota guards while Redis is frozen, nothing else, and recover', async () => {
    server.pause();
    expect(codeOf(await decide(client, call('hour', 'rival')))).toBe('QUOTA_UNAVAILABLE');
    expect(codeOf(await decide(client, call('free')))).toBe('allowed');
    server.resume();
    await eventually('Redis to be used again', async () => {
      return codeOf(await decide(client, call('hour', 'rival'))) === 'allowed';
    });
  });

  test('do not believe a Redis that lost everything, whatever room it shows', async () => {
    await admin.flushall();
    const codes = new Set<string>();
    for (let count = 0; count < 9; count += 1) codes.add(codeOf(await decide(client, call('hour'))));
    expect([...codes]).toEqual(['QUOTA_UNAVAILABLE']);
    await vouch();
    expect(codeOf(await decide(client, call('hour')))).toBe('allowed');
  });
});

describe('three PDPs of the mode degraded', () => {
  const SHARE = 1 / 3;
  let server: RedisServer;
  let admin: Redis;
  let single: PolicyClient[];

  beforeAll(async () => {
    server = await startRedisServer();
    admin = new Redis({ host: server.host, port: server.port });
    await admin.set(`{${PREFIX}}:since`, '0');
    const quota: EmbeddedPdpOptions['quota'] = {
      store: { type: 'redis', url: `redis://${server.host}:${server.port}`, tls: false, timeoutMs: 500 },
      mode: 'degraded',
      degradedShare: SHARE,
    };
    single = [];
    for (let number = 0; number < 3; number += 1) single.push(connect([await startPdp(quota)], 1_999));
    for (const client of single) {
      await eventually('a connection', async () => (await client.ask(call('free'))).kind === 'decision');
    }
  });
  afterAll(async () => {
    server?.resume();
    admin?.disconnect();
    await server?.close();
  });

  const allowedOf = async (client: PolicyClient, count: number): Promise<number> => {
    const asking = Array.from({ length: count }, () => decide(client, call('hour')));
    return (await Promise.all(asking)).filter(({ allow }) => allow).length;
  };

  test('give out their own shares while Redis stands still, and together what is shared when it answers', async () => {
    server.pause();
    const own = await Promise.all(single.map((client) => allowedOf(client, LIMIT)));
    expect(own).toEqual(single.map(() => Math.floor(LIMIT * SHARE)));
    server.resume();
    let shared = 0;
    await eventually('Redis to be used again', async () => {
      for (const client of single) shared += await allowedOf(client, LIMIT);
      return shared >= LIMIT;
    });
    // At most one limit more than in the mode strict.
    expect(shared).toBe(LIMIT);
  });
});
