/** Quotas in a Redis that speaks mutual TLS and asks for a password: what is not exactly right is no store, and denies. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { createLogger, openTlsMaterial, type TlsFiles, type TlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { sourceFiles } from '../support/bundle-source.js';
import { type EmbeddedPdp, type EmbeddedPdpOptions, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { createSignedRepository, must, type SignedRepository } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const PASSWORD = 'correct-horse';
const LIMIT = 5;
const BUNDLE = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'quotas',
    version: '1.0.0',
    default: 'deny',
    sets: [
      { name: 'quotas', layer: 'platform', combining: 'deny_overrides', priority_order: 'asc', policies: 'quotas' },
      { name: 'tools', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'tools' },
    ],
  }),
  'quotas/all.json': JSON.stringify([
    {
      name: 'Per hour',
      type: 'rate_limit',
      action: 'deny',
      priority: 10,
      config: { max_requests: LIMIT, window_seconds: 3_600, per: ['tenant'] },
      enabled: true,
    },
  ]),
  'tools/all.json': JSON.stringify([
    {
      name: 'Tools',
      on: ['tool_call'],
      when: { field: 'tool.name', operator: 'exists', value: true },
      effect: { type: 'allow' },
      priority: 50,
    },
  ]),
});

let folder = '';
let repository: SignedRepository;
let server: RedisServer;
let stranger: RedisServer;
let material: TlsMaterial;
let pdpTls: TlsFiles;
const pdps: EmbeddedPdp[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-redis-tls-'));
  const leaves = [
    { kind: 'pdp', name: 'pdp-embedded' },
    { kind: 'gateway', name: 'edge' },
    { kind: 'pdp', name: 'redis' },
  ] as const;
  const identities = async (name: string): Promise<readonly TlsFiles[]> => {
    const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now: new Date() });
    await writeDevelopmentPki(join(folder, name), pki, { force: false });
    return pki.leaves.map((leaf) => tlsFilesOf(join(folder, name), leaf));
  };
  const [own, gateway, redis] = await identities('ours');
  const [, , foreign] = await identities('theirs');
  if (own === undefined || gateway === undefined || redis === undefined || foreign === undefined)
    throw new Error('no leaves');
  pdpTls = own;
  material = await openTlsMaterial(gateway, { log });
  server = await startRedisServer({ tls: redis, password: PASSWORD });
  // Of another authority: whoever stands where our Redis was.
  stranger = await startRedisServer({ tls: foreign });
  repository = createSignedRepository(ENV, CHANNEL);
  writeFileSync(join(folder, 'root.json'), repository.pinnedRoot);
  const { bytes, policyVersion } = must(await buildBundle(BUNDLE));
  repository.release({ bundle: bytes, policyVersion });
});
afterAll(async () => {
  for (const pdp of pdps) await pdp.close();
  material?.close();
  await server?.close();
  await stranger?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

let asked = 0;
function call(): CanonicalRequest {
  asked += 1;
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'analyst' },
    tool: { server: 'files', name: 'read' },
    context: { timestamp: new Date().toISOString(), request_id: `req-${asked}` },
  };
}

/** The codes of `count` questions to a PDP with that store, once it has a release. */
async function codes(
  store: { readonly url: string; readonly tls: boolean },
  count: number,
): Promise<readonly string[]> {
  const quota: EmbeddedPdpOptions['quota'] = { store: { type: 'redis', warmUpSeconds: 0, timeoutMs: 1_000, ...store } };
  const pdp = await startEmbeddedPdp({
    dataDir: join(folder, `pdp-${pdps.length}`),
    rootFile: join(folder, 'root.json'),
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    gateways: { edge: ['acme'] },
    quota,
  });
  pdps.push(pdp);
  pdp.look();
  await eventually('the release to be enforced', () => pdp.statuses.some(({ state }) => state === 'loaded'));
  const client = createPolicyClient({
    config: pdpConfig.parse({ endpoints: [pdp.address], deadlineMs: 2_000, breaker: { resetTimeoutMs: 2_001 } }),
    credentials: pdpCredentials(material, TRUST_DOMAIN),
    log,
  });
  await eventually('a decision', async () => (await client.ask(call())).kind === 'decision');
  const found: string[] = [];
  for (let count_ = 0; count_ < count; count_ += 1) {
    const answer = await client.ask(call());
    found.push(answer.kind === 'decision' ? (answer.decision.deny[0]?.code ?? 'allowed') : answer.failure.code);
  }
  await client.close();
  return found;
}

const at = ({ port }: RedisServer, userinfo = ''): string => `redis://${userinfo}127.0.0.1:${port}`;

describe('a Redis with TLS and a password', () => {
  test('keeps the accounts of two PDPs', async () => {
    const store = { url: at(server, `default:${PASSWORD}@`), tls: true };
    const first = await codes(store, 2);
    const second = await codes(store, 2 * LIMIT);
    const all = [...first, ...second];
    expect(new Set(all)).toEqual(new Set(['allowed', 'QUOTA_EXCEEDED']));
    expect(all.filter((code) => code === 'allowed').length).toBeLessThanOrEqual(LIMIT);
  });

  test.each([
    ['another password', () => ({ url: at(server, 'default:wrong@'), tls: true })],
    ['no password', () => ({ url: at(server), tls: true })],
    ['no TLS', () => ({ url: at(server, `default:${PASSWORD}@`), tls: false })],
    ['a server of another authority', () => ({ url: at(stranger), tls: true })],
  ])('%s: nothing is known, everything that it guards is denied', async (_what, store) => {
    expect(new Set(await codes(store(), 4))).toEqual(new Set(['QUOTA_UNAVAILABLE']));
  });
});
