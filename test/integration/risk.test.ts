/** Risk from a signed release to the answer, over mutual TLS: what the stage yields, what a caller may say, and no answer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import type { CanonicalRequest, Decision, JsonObject } from '@portcullis/policy/model';
import { createLogger, openTlsMaterial, type TlsFiles, type TlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { sourceFiles } from '../support/bundle-source.js';
import { type EmbeddedPdp, type EmbeddedPdpOptions, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { createSignedRepository, must, type SignedRepository } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const TOKEN = ['gh', 'p_9fK2mQ7xLr4TzWb8VnYc3HsJd6Gp1AeUo5Ri'].join('');

const rule = (slug: string, field: string, operator: string, value: string | number, priority: number): object => ({
  name: slug,
  slug,
  when: { field, operator, value },
  effect: { type: 'deny', deny_reason_code: slug.toUpperCase(), deny_user_message: slug },
  priority,
});
const BUNDLE = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'risk',
    version: '1.0.0',
    default: 'deny',
    sets: [{ name: 'risk', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'risk' }],
  }),
  'risk/all.json': JSON.stringify([
    rule('blocked', 'intent_risk.decision', 'equals', 'BLOCK', 90),
    rule('secret', 'intent_risk.behavioral_signals.signal_type', 'contains', 'credential_access', 80),
    rule('new', 'intent_risk.behavioral_signals.signal_type', 'contains', 'unusual_tool', 75),
    rule('leak', 'intent_risk.risk_dimensions.data_exfiltration', 'greater_than', 0.65, 70),
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
let material: TlsMaterial;
let pdpTls: TlsFiles;
const pdps: EmbeddedPdp[] = [];
const clients: PolicyClient[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-risk-'));
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

/** A client of a PDP that assesses risk so. */
async function ask(risk?: EmbeddedPdpOptions['risk']): Promise<(request: CanonicalRequest) => Promise<string>> {
  const pdp = await startEmbeddedPdp({
    dataDir: join(folder, `pdp-${pdps.length}`),
    rootFile: join(folder, 'root.json'),
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    gateways: { edge: ['acme'] },
    ...(risk === undefined ? {} : { risk }),
  });
  pdps.push(pdp);
  pdp.look();
  await eventually('the release to be enforced', () => pdp.statuses.some(({ state }) => state === 'loaded'));
  const client = createPolicyClient({
    config: pdpConfig.parse({
      endpoints: [pdp.address],
      deadlineMs: 2_000,
      hedgeAfterMs: 1_999,
      breaker: { volumeThreshold: 100_000, errorThresholdPercentage: 100, resetTimeoutMs: 2_001 },
    }),
    credentials: pdpCredentials(material, TRUST_DOMAIN),
    log,
  });
  clients.push(client);
  return async (request) => {
    const answer = await client.ask(request);
    if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
    return codeOf(answer.decision);
  };
}

let asked = 0;
function call(name: string, args: JsonObject, changes: Partial<CanonicalRequest> = {}): CanonicalRequest {
  asked += 1;
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'analyst' },
    tool: { server: 'crm', name, operation: 'tools/call', arguments: args },
    context: { timestamp: new Date().toISOString(), request_id: `req-${asked}` },
    ...changes,
  };
}
const codeOf = ({ allow, deny: [reason] }: Decision): string =>
  allow ? 'allowed' : (reason?.reason_code ?? reason?.code ?? 'none');

describe('a PDP that assesses risk', () => {
  let decide: (request: CanonicalRequest) => Promise<string>;
  beforeAll(async () => {
    decide = await ask({ minAttempts: 10, minAgeMs: 0 });
  });

  test('finds what the caller does not mention', async () => {
    expect(await decide(call('send_email', { to: 'a@acme.test', body: 'hello' }))).toBe('allowed');
    expect(await decide(call('send_email', { to: 'a@acme.test', body: TOKEN }))).toBe('SECRET');
  });

  test('is not talked out of it, and is told of more', async () => {
    const said = (intent_risk: CanonicalRequest['intent_risk'], body: string): Promise<string> =>
      decide(call('send_email', { to: 'a@acme.test', body }, intent_risk === undefined ? {} : { intent_risk }));
    const harmless = { decision: 'ALLOW', behavioral_signals: [], risk_dimensions: { data_exfiltration: 0 } } as const;
    expect(await said(harmless, TOKEN)).toBe('SECRET');
    expect(await said({ decision: 'BLOCK' }, 'hello')).toBe('BLOCKED');
    expect(await said({ risk_dimensions: { data_exfiltration: 0.7 } }, 'hello')).toBe('LEAK');
  });

  test('learns what an agent does: nothing is unusual at first, then what it never did is', async () => {
    const agent = { id: 'novice' };
    expect(await decide(call('archive', {}, { agent }))).toBe('allowed');
    for (let count = 0; count < 12; count += 1) expect(await decide(call('search', {}, { agent }))).toBe('allowed');
    await eventually('the habit to be known', async () => (await decide(call('export', {}, { agent }))) === 'NEW');
    expect(await decide(call('search', {}, { agent }))).toBe('allowed');
    expect(await decide(call('archive', {}, { agent }))).toBe('allowed');
  });
});

describe('a PDP whose analyser does not answer', () => {
  const analyserAt = async (required: boolean): Promise<EmbeddedPdpOptions['risk']> => ({
    analysers: [
      {
        type: 'grpc',
        name: 'dlp',
        required,
        address: `127.0.0.1:${await freePort()}`,
        serverId: `spiffe://${TRUST_DOMAIN}/pdp/analyser`,
        deadlineMs: 200,
      },
    ],
  });

  test('denies what is judged by it where it is required', async () => {
    const decide = await ask(await analyserAt(true));
    expect(await decide(call('search', {}))).toBe('POLICY_ERROR');
  });

  test('goes on without it where it is not', async () => {
    const decide = await ask(await analyserAt(false));
    expect(await decide(call('search', {}))).toBe('allowed');
  });
});

test('a PDP that assesses no risk takes the caller at its word', async () => {
  const decide = await ask({ enabled: false });
  expect(await decide(call('send_email', { to: 'a@acme.test', body: TOKEN }))).not.toBe('SECRET');
  expect(await decide(call('search', {}, { intent_risk: { decision: 'BLOCK' } }))).toBe('BLOCKED');
});
