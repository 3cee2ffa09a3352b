/**
 * An approver with a certificate, from end to end: `portcullis pki issue` makes it, a real PDP process knows its holder by configuration, and
 * `portcullis approvals` answers with it, over mutual TLS and without a token.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { runCli } from '@portcullis/cli';
import type { Decision, JsonObject } from '@portcullis/policy/model';
import { Agent, request } from 'undici';
import { policySource } from '../support/policy-source.js';
import { AGENT, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

const POLICIES = [
  {
    name: 'Payments',
    when: { field: 'tool.name', operator: 'equals', value: 'pay' },
    effect: { type: 'require_approval', role: 'treasurer' },
    priority: 90,
  },
];
const CERTIFICATES = [
  { tenant: AGENT.tenant, name: 'vera', person: 'vera@example.com', roles: ['treasurer'] },
  { tenant: AGENT.tenant, name: 'uma', person: 'uma@example.com', roles: ['clerk'] },
];
let stack: Stack;
let agent: Agent;
let attempts = 0;

beforeAll(async () => {
  stack = await startStack({ logLevel: 'warn', pdp: { http: {}, approvals: { certificates: CERTIFICATES } } });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  const own = stack.tls({ kind: 'agent', ...AGENT });
  const read = (file: string): string => readFileSync(file, 'utf8');
  const connect = { ca: read(own.caFile), cert: read(own.certFile), key: read(own.keyFile) };
  agent = new Agent({ connect: { ...connect, checkServerIdentity: () => undefined } });
});
afterAll(async () => {
  await agent?.close();
  await stack?.close();
});

const base = (): string => `https://${stack.pdps[0]?.addresses['https'] ?? ''}`;
const pki = (): string => join(stack.folder, 'pki');

interface Run {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

async function portcullis(words: readonly string[]): Promise<Run> {
  const lines: { out: string; said: string } = { out: '', said: '' };
  const code = await runCli(words, {
    signal: new AbortController().signal,
    terminal: {
      width: 200,
      data: (text) => {
        lines.out += `${text}\n`;
      },
      say: (text) => {
        lines.said += `${text}\n`;
      },
      input: async () => new Uint8Array(),
    },
  });
  return { code, ...lines };
}

/** `portcullis approvals …` with the certificate of a folder of the PKI. */
function approvals(words: readonly string[], folder: string): Promise<Run> {
  const own = ['--tls-cert', join(pki(), folder, 'cert.pem'), '--tls-key', join(pki(), folder, 'key.pem')];
  const whom = ['--pdp', base(), '--tls-ca', join(pki(), 'ca.pem'), '--trust-domain', TRUST_DOMAIN];
  return portcullis(['approvals', ...words, ...whom, ...own]);
}

async function pay(to: string): Promise<Decision> {
  attempts += 1;
  const body: JsonObject = {
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: AGENT.agent },
    tool: { server: 'bank', name: 'pay', operation: 'tools/call', arguments: { to } },
    context: { timestamp: new Date().toISOString(), request_id: `r-${attempts}` },
  };
  const answer = await request(`${base()}/v1/policy/evaluate`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await answer.body.json()) as Decision;
}

async function held(to: string): Promise<string> {
  const decision = await pay(to);
  expect(decision.effect).toBe('hold');
  const [condition] = decision.conditions;
  if (condition === undefined) throw new Error('nobody is asked');
  const { approval_id: id } = condition.value as { readonly approval_id: string };
  return id;
}

describe('an approver with a certificate', () => {
  beforeAll(async () => {
    const names = ['vera', 'uma', 'nobody'].flatMap((name) => ['--approver', `${AGENT.tenant}/${name}`]);
    const issued = await portcullis(['pki', 'issue', '--dir', pki(), ...names]);
    expect(issued).toMatchObject({ code: 0 });
    expect(issued.out).toContain(`spiffe://${TRUST_DOMAIN}/tenant/${AGENT.tenant}/approver/vera`);
  });

  test('lists what waits and agrees, and the very request is then allowed, once', async () => {
    const id = await held('bob');
    const listed = await approvals(['list'], `approver-${AGENT.tenant}-vera`);
    expect([listed.code, listed.out.includes(id)]).toEqual([0, true]);
    expect((await approvals(['approve', id, '--comment', 'fine'], `approver-${AGENT.tenant}-vera`)).code).toBe(0);
    expect((await pay('eve')).effect).toBe('hold');
    expect((await pay('bob')).effect).toBe('allow');
    expect((await pay('bob')).effect).toBe('hold');
  });

  test('refuses, and the request stays refused', async () => {
    const id = await held('carol');
    expect((await approvals(['deny', id], `approver-${AGENT.tenant}-vera`)).code).toBe(0);
    expect((await pay('carol')).deny).toMatchObject([{ code: 'APPROVAL_REFUSED' }]);
  });

  test.each<[string, () => string, RegExp]>([
    ['who is not asked', () => `approver-${AGENT.tenant}-uma`, /ERR_APPROVAL_FORBIDDEN/],
    ['whom nobody configured', () => `approver-${AGENT.tenant}-nobody`, /ERR_IDENTITY_REJECTED/],
    ['who is the agent itself', () => `agent-${AGENT.tenant}-${AGENT.agent}`, /ERR_IDENTITY_REJECTED/],
  ])('%s does not agree for anybody', async (_name, folder, expected) => {
    const id = await held('dave');
    const run = await approvals(['approve', id], folder());
    expect(run.code).not.toBe(0);
    expect(run.said).toMatch(expected);
    expect((await pay('dave')).effect).toBe('hold');
  });

  test('whose authority is another one does not agree for anybody', async () => {
    const stranger = join(stack.folder, 'stranger');
    const made = await portcullis([
      ...['pki', 'init', '--dir', stranger, '--trust-domain', TRUST_DOMAIN],
      ...['--approver', `${AGENT.tenant}/vera`],
    ]);
    expect(made.code).toBe(0);
    const id = await held('frank');
    const own = ['cert.pem', 'key.pem'].map((file) => join(stranger, `approver-${AGENT.tenant}-vera`, file));
    const run = await portcullis([
      ...['approvals', 'approve', id, '--pdp', base(), '--tls-ca', join(pki(), 'ca.pem')],
      ...['--trust-domain', TRUST_DOMAIN, '--tls-cert', own[0] ?? '', '--tls-key', own[1] ?? ''],
    ]);
    expect(run.code).not.toBe(0);
    expect((await pay('frank')).effect).toBe('hold');
  });

  test('asks for no decisions', async () => {
    const folder = join(pki(), `approver-${AGENT.tenant}-vera`);
    const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
    const ca = readFileSync(join(pki(), 'ca.pem'), 'utf8');
    const own = new Agent({
      connect: { ca, cert: read('cert.pem'), key: read('key.pem'), checkServerIdentity: () => undefined },
    });
    const answer = await request(`${base()}/v1/policy/evaluate`, {
      method: 'POST',
      dispatcher: own,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    await answer.body.dump();
    await own.close();
    expect(answer.statusCode).toBe(401);
  });
});
