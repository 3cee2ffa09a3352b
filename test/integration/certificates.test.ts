/**
 * Who may ask and who may answer: certificates that are expired, not yet valid, of another authority, of another kind of
 * peer or of nobody in particular, on either side. None of them ends in an upstream call.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createDevelopmentPki,
  type DevelopmentPki,
  issueLeaf,
  type LeafIdentity,
  type LeafOverrides,
  writeDevelopmentPki,
  writeLeaf,
} from '@portcullis/cli';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { createLogger, openTlsMaterial, type TlsFiles } from '@portcullis/runtime';
import { type Answer, createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { request } from 'undici';
import { type DishonestPdp, startDishonestPdp } from '../support/dishonest-pdp.js';
import { eventually } from '../support/eventually.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { freePort } from '../support/free-port.js';
import { connectAgent, type LoadAgent } from '../support/load.js';
import { judge } from '../support/oracle.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { AGENT, type SidecarProcess, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

/** How long the certificate lives that runs out while it is in use; starting a sidecar takes a part of it. */
const SHORT_LIFE_MS = 12_000;
const DAY_MS = 86_400_000;
const YESTERDAY = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
const TOMORROW = { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) };
const ANALYST: LeafIdentity = { kind: 'agent', ...AGENT };

let stack: Stack;
let stranger: DevelopmentPki;
let upstream: RecordingUpstream;
let shortLived: SidecarProcess;
let shortLivedUntil = 0;

/** A leaf of an authority that nobody here knows; `caFile` says whom its holder trusts. */
async function issueByStranger(identity: LeafIdentity, trusts: 'us' | 'the stranger'): Promise<TlsFiles> {
  const folder = join(stack.folder, 'stranger');
  const leaf = await issueLeaf(stranger.authority, identity, { now: new Date() });
  const files = await writeLeaf(folder, { ...leaf, folder: randomUUID() }, { force: false });
  return trusts === 'the stranger' ? files : { ...files, caFile: stack.tls(ANALYST).caFile };
}

/** Three calls, one after the other. */
async function callThrice(agent: LoadAgent): Promise<readonly string[]> {
  const outcomes: string[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const { outcome } = await agent.call('read');
    outcomes.push(outcome.kind === 'refused' ? outcome.code : JSON.stringify(outcome));
  }
  return outcomes;
}

beforeAll(async () => {
  const now = new Date();
  [stack, upstream, stranger] = await Promise.all([
    startStack({ pdps: 1, logLevel: 'warn' }),
    startRecordingUpstream(),
    createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves: [], now }),
  ]);
  await writeDevelopmentPki(join(stack.folder, 'stranger'), stranger, { force: false });
  const { seq } = await stack.publish(policySource('1.0.0', [ALLOW_SESSIONS, allowTools('files', ['read'])]));
  await stack.loaded(seq);
  // Started first and looked at last: by then it has run out.
  shortLivedUntil = Math.floor((Date.now() + SHORT_LIFE_MS) / 1000) * 1000;
  shortLived = await stack.startSidecar({
    tls: await stack.issue(ANALYST, { notAfter: new Date(shortLivedUntil) }),
    upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
  });
}, 60_000);

afterAll(async () => {
  await stack?.close();
  await upstream?.close();
}, 30_000);

describe('a sidecar', () => {
  test('with a good certificate is served: the control', async () => {
    const agent = connectAgent(shortLived.mcpUrl('files'));
    await eventually('an allow', async () => (await agent.call('read')).outcome.kind === 'result');
    expect(Date.now()).toBeLessThan(shortLivedUntil);
    await agent.close();
    expect(judge([...upstream.calls], stack.decisions()).violations).toEqual([]);
    upstream.clear();
  }, 20_000);

  test('speaks for the agent of its certificate, whoever the agent says it is', async () => {
    const claims = { tenant_id: 'globex', tenant: 'globex', agent: { id: 'admin' } };
    const url = shortLived.mcpUrl('files');
    const { statusCode } = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        'x-tenant-id': 'globex',
        'portcullis-tenant': 'globex',
        'portcullis-decision-id': 'forged',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'read', arguments: { ...claims, nonce: 'claims' }, _meta: { 'portcullis/claims': claims } },
      }),
    });
    expect(statusCode).toBe(200);
    const [call] = upstream.toolCalls();
    const id = call?.headers['portcullis-decision-id'];
    expect(id).not.toBe('forged');
    const decided = stack.decisions().filter(({ decision_id: known }) => known === id);
    expect(decided).toEqual([expect.objectContaining({ tenant: AGENT.tenant, agent: AGENT.agent, effect: 'allow' })]);
    expect(judge([...upstream.calls], stack.decisions()).violations).toEqual([]);
    upstream.clear();
  }, 10_000);

  const unusable: readonly (readonly [string, () => Promise<TlsFiles>, string])[] = [
    ['an expired certificate', () => stack.issue(ANALYST, YESTERDAY), 'ERR_TLS_MATERIAL'],
    ['a certificate that is not yet valid', () => stack.issue(ANALYST, TOMORROW), 'ERR_TLS_MATERIAL'],
    ['the certificate of a PDP', async () => stack.tls({ kind: 'pdp', name: 'pdp-1' }), 'ERR_IDENTITY_REJECTED'],
    [
      'a certificate of another trust domain',
      () => stack.issue(ANALYST, { uris: ['spiffe://other.test/tenant/acme/agent/analyst'] }),
      'ERR_IDENTITY_REJECTED',
    ],
    [
      'a certificate of nobody',
      () => stack.issue(ANALYST, { uris: [], dnsNames: ['analyst.acme'] }),
      'ERR_IDENTITY_REJECTED',
    ],
  ];
  test.each(unusable)(
    'with %s does not even start',
    async (_what, issue, code) => {
      const starting = stack.startSidecar({
        tls: await issue(),
        upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
      });
      await expect(starting).rejects.toThrow(new RegExp(`ended with 1:[^]*${code}`));
      expect(upstream.calls).toEqual([]);
    },
    20_000,
  );

  test.each([
    ['of another authority', 'us' as const],
    ['of another authority, which it trusts alone', 'the stranger' as const],
  ])(
    'with a certificate %s gets no answer',
    async (_what, trusts) => {
      const sidecar = await stack.startSidecar({
        tls: await issueByStranger(ANALYST, trusts),
        upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
      });
      const agent = connectAgent(sidecar.mcpUrl('files'));
      for (const code of await callThrice(agent)) expect(code).toMatch(/^PDP_(UNAVAILABLE|TIMEOUT)$/);
      await agent.close();
      await sidecar.kill();
      expect(upstream.calls).toEqual([]);
    },
    20_000,
  );
});

/** Stands in for a sidecar that was tampered with: it asks whatever it likes, with whatever certificate. */
describe('a decision point', () => {
  const clients: PolicyClient[] = [];
  const log = createLogger({ component: 'test', level: 'error', destination: 'stderr' });

  const connect = async (tls: TlsFiles): Promise<PolicyClient> => {
    const material = await openTlsMaterial(tls, { log });
    const client = createPolicyClient({
      config: pdpConfig.parse({
        endpoints: stack.pdps.map(({ endpoint }) => endpoint),
        deadlineMs: 500,
        breaker: { volumeThreshold: 100_000 },
      }),
      credentials: pdpCredentials(material, TRUST_DOMAIN),
      log,
    });
    clients.push(client);
    material.close();
    return client;
  };
  const question = (changes: Partial<CanonicalRequest> = {}): CanonicalRequest => ({
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: AGENT.agent },
    tool: { server: 'files', name: 'read', operation: 'tools/call', arguments: { nonce: randomUUID() } },
    context: { timestamp: new Date().toISOString(), request_id: randomUUID() },
    ...changes,
  });
  const codeOf = (answer: Answer): string =>
    answer.kind === 'failure' ? answer.failure.code : (answer.decision.deny[0]?.code ?? answer.decision.effect);
  const wasAllowed = (asked: CanonicalRequest): boolean =>
    stack.decisions().some((known) => known.request_digest === requestDigestHex(asked) && known.effect === 'allow');

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  test('answers the agent of the certificate: the control', async () => {
    const client = await connect(stack.tls(ANALYST));
    const asked = question();
    expect(codeOf(await client.ask(asked))).toBe('allow');
    expect(wasAllowed(asked)).toBe(true);
  }, 10_000);

  test.each<[string, Partial<CanonicalRequest>]>([
    ['another tenant', { tenant_id: 'globex' }],
    ['another tenant in the context only', { context: { ...question().context, tenant_id: 'globex' } }],
    ['another agent', { agent: { id: 'admin' } }],
    ['another agent and tenant', { tenant_id: 'globex', agent: { id: 'admin' } }],
  ])(
    'refuses an agent that claims to be %s',
    async (_what, claims) => {
      const client = await connect(stack.tls(ANALYST));
      const asked = question(claims);
      expect(codeOf(await client.ask(asked))).toBe('REQUEST_INVALID');
      expect(wasAllowed(asked)).toBe(false);
      const recorded = stack.decisions().filter((known) => known.request_digest === requestDigestHex(asked));
      for (const { effect } of recorded) expect(effect).toBe('deny');
    },
    10_000,
  );

  const refusedCallers: readonly (readonly [string, () => Promise<TlsFiles>])[] = [
    ['a PDP', async () => stack.tls({ kind: 'pdp', name: 'pdp-1' })],
    ['a publisher', async () => stack.tls({ kind: 'publisher', name: 'publisher' })],
    ['a distributor', async () => stack.tls({ kind: 'distributor', name: 'distributor' })],
    ['a gateway that speaks for nobody', () => stack.issue({ kind: 'gateway', name: 'edge' })],
    [
      'an agent of another trust domain',
      () => stack.issue(ANALYST, { uris: ['spiffe://other.test/tenant/acme/agent/analyst'] }),
    ],
    [
      'two agents at once',
      () =>
        stack.issue(ANALYST, {
          uris: [
            `spiffe://${TRUST_DOMAIN}/tenant/acme/agent/analyst`,
            `spiffe://${TRUST_DOMAIN}/tenant/acme/agent/admin`,
          ],
        }),
    ],
    ['nobody', () => stack.issue(ANALYST, { uris: [], dnsNames: ['analyst.acme'] })],
    ['a server only', () => stack.issue(ANALYST, { usages: ['server'] })],
    ['an agent of another authority', () => issueByStranger(ANALYST, 'us')],
  ];
  test.each(refusedCallers)(
    'refuses a caller with the certificate of %s',
    async (_what, issue) => {
      const client = await connect(await issue());
      const asked = question();
      const answer = await client.ask(asked);
      expect(answer.kind === 'decision' && answer.decision.allow).toBe(false);
      expect(codeOf(answer)).toMatch(/^(PDP_UNAVAILABLE|PDP_TIMEOUT|IDENTITY_REJECTED|REQUEST_INVALID)$/);
      expect(wasAllowed(asked)).toBe(false);
    },
    10_000,
  );
});

describe('a sidecar asks nobody but a decision point, even one that would allow', () => {
  const LIAR: LeafIdentity = { kind: 'pdp', name: 'liar' };
  let port = 0;
  let liar: DishonestPdp | undefined;
  let gate: FaultProxy;
  let sidecar: SidecarProcess;
  let agent: LoadAgent;

  beforeAll(async () => {
    port = await freePort();
    gate = await startFaultProxy(`127.0.0.1:${port}`);
    sidecar = await stack.startSidecar({
      upstreams: [{ name: 'files', url: upstream.url }],
      endpoints: [gate.address],
      // How long it waits before it connects again is tested elsewhere.
      pdp: { breaker: { volumeThreshold: 100_000 }, reconnectMinMs: 20, reconnectMaxMs: 50 },
    });
    agent = connectAgent(sidecar.mcpUrl('files'));
  }, 20_000);
  afterEach(() => {
    liar?.stop();
    upstream.clear();
  });
  afterAll(async () => {
    await agent.close();
    await gate.close();
  });

  test('with a good certificate it is believed: the control', async () => {
    liar = await startDishonestPdp({ tls: await stack.issue(LIAR), port });
    await eventually('an allow', async () => (await agent.call('read')).outcome.kind === 'result');
    expect(upstream.calls).not.toEqual([]);
  }, 20_000);

  const wrong: readonly (readonly [string, LeafOverrides, LeafIdentity?])[] = [
    ['an expired certificate', YESTERDAY],
    ['a certificate that is not yet valid', TOMORROW],
    ['the certificate of an agent', { usages: ['server', 'client'] }, ANALYST],
    ['the certificate of a distributor', {}, { kind: 'distributor', name: 'distributor' }],
    ['a certificate of another trust domain', { uris: ['spiffe://other.test/pdp/liar'] }],
    ['a certificate of another place', { uris: [`spiffe://${TRUST_DOMAIN}/pdp/liar/more`] }],
    [
      'a certificate with two identities',
      { uris: [`spiffe://${TRUST_DOMAIN}/pdp/liar`, `spiffe://${TRUST_DOMAIN}/pdp/pdp-1`] },
    ],
    ['a certificate with names and no identity', { uris: [], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }],
    ['a certificate for clients only', { usages: ['client'] }],
  ];
  test.each(wrong)(
    '%s',
    async (_what, overrides, identity = LIAR) => {
      liar = await startDishonestPdp({ tls: await stack.issue(identity, overrides), port });
      const before = gate.accepted;
      await eventually('the sidecar to try', () => gate.accepted > before + 1);
      // Which of the two depends on whether the handshake fails before or after the deadline.
      for (const code of await callThrice(agent)) expect(code).toMatch(/^PDP_(UNAVAILABLE|TIMEOUT)$/);
      expect([liar.streams, liar.questions]).toEqual([0, 0]);
      expect(upstream.calls).toEqual([]);
    },
    20_000,
  );

  test('a certificate of another authority', async () => {
    liar = await startDishonestPdp({ tls: await issueByStranger(LIAR, 'us'), port });
    const before = gate.accepted;
    await eventually('the sidecar to try', () => gate.accepted > before + 1);
    for (const code of await callThrice(agent)) expect(code).toMatch(/^PDP_(UNAVAILABLE|TIMEOUT)$/);
    expect([liar.streams, liar.questions]).toEqual([0, 0]);
    expect(upstream.calls).toEqual([]);
  }, 20_000);

  test('a certificate that runs out while it is in use', async () => {
    const until = Math.floor((Date.now() + 4_000) / 1000) * 1000;
    liar = await startDishonestPdp({ tls: await stack.issue(LIAR, { notAfter: new Date(until) }), port });
    await eventually('an allow', async () => (await agent.call('read')).outcome.kind === 'result');
    expect(Date.now()).toBeLessThan(until);
    await eventually('the certificate to run out', () => Date.now() > until + 1_000, 6_000, 100);
    upstream.clear();
    for (const code of await callThrice(agent)) expect(['PDP_UNAVAILABLE', 'PDP_TIMEOUT']).toContain(code);
    expect(upstream.calls).toEqual([]);
  }, 20_000);

  test('once the certificate is good again, so is service', async () => {
    liar = await startDishonestPdp({ tls: await stack.issue(LIAR), port });
    await eventually('an allow', async () => (await agent.call('read')).outcome.kind === 'result', 10_000);
    expect(liar.questions).toBeGreaterThan(0);
  }, 20_000);
});

/** At the end, when it has run out meanwhile. */
describe('a sidecar', () => {
  test('whose certificate runs out while it is in use is refused from then on', async () => {
    await eventually(
      'the certificate to run out',
      () => Date.now() > shortLivedUntil + 1_000,
      SHORT_LIFE_MS + 5_000,
      100,
    );
    const agent = connectAgent(shortLived.mcpUrl('files'));
    const [first, ...others] = await callThrice(agent);
    expect(first).toBe('IDENTITY_REJECTED');
    for (const code of others) expect(['IDENTITY_REJECTED', 'PDP_UNAVAILABLE']).toContain(code);
    await agent.close();
    expect(upstream.calls).toEqual([]);
  }, 30_000);
});
