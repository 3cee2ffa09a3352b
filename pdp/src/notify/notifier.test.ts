import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { NoticeEntry } from '@portcullis/policy/evidence';
import { createLogger } from '@portcullis/runtime';
import { approvalsConfig, type WebhookConfig } from '../approvals/approvals-config.js';
import { createDeliver, type NoticeOutcome } from '../approvals/notices.js';
import { post, signatureOf, type Webhook } from '../approvals/webhook.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { pipelineOf } from '../fixtures/pipeline.js';
import { engineOf } from '../fixtures/policies.js';
import { toolCall } from '../fixtures/requests.js';
import { createNotifier, type Notifier, type NotifierParts } from './notifier.js';

const SECRET = Buffer.from('k'.repeat(32));
const NOW = Date.parse('2026-11-22T12:00:00Z');
const log = createLogger({ component: 'test', level: 'fatal' });
const is = (value: string): object => ({ field: 'tool.name', operator: 'equals', value });
const rule = (name: string, effect: unknown, when: object, priority = 50): object => ({ name, effect, when, priority });
const POLICIES = [
  rule('Reads', 'allow', is('read')),
  rule('Seen', { type: 'log_only', notify: ['security', 'nobody'] }, is('read'), 90),
  rule('Never', { type: 'deny', deny_reason_code: 'NO_PAY', notify: ['security'] }, is('pay'), 80),
  rule('Looked at', { type: 'log_only', notify: ['security'] }, is('pay'), 85),
  rule('Ask', { type: 'require_approval', notify: ['security'] }, is('send')),
];

let server: Server;
let seen: { readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }[];
let answers: number[];
let entries: NoticeEntry[];
let outcomes: NoticeOutcome[];
let notifier: Notifier | undefined;

beforeEach(async () => {
  seen = [];
  answers = [];
  entries = [];
  outcomes = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.push({ headers: request.headers, body });
      response.writeHead(answers.shift() ?? 204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  await notifier?.stop();
  server.close();
});

function webhook(changes: Partial<WebhookConfig> = {}): Webhook {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const base = { name: 'security', url, secretFile: 'f', events: ['notify'] };
  const [config] = approvalsConfig.parse({ webhooks: [{ ...base, ...changes }] }).webhooks;
  if (config === undefined) throw new Error('no webhook');
  return { config, secret: SECRET };
}

function begin(hook: Webhook, changes: Partial<NotifierParts> = {}): Notifier {
  const observer = { notice: (outcome: NoticeOutcome) => void outcomes.push(outcome) };
  const parts = { post, pause: async () => undefined, clock: createFakeClock(NOW), random: () => 0, observer, log };
  notifier = createNotifier({
    channels: (signal) => [{ webhook: hook, deliver: createDeliver(hook, parts, signal) }],
    record: async (entry) => void entries.push(entry),
    observer,
    clock: createFakeClock(NOW),
    log,
    ...changes,
  });
  return notifier;
}

/** Decides, and waits for what comes after the answer. */
async function decided(tool: string, begun: Notifier): Promise<{ readonly effect: string }> {
  const { decide } = pipelineOf(engineOf(POLICIES), { followers: [begun] });
  const decision = await decide(toolCall(tool));
  await new Promise((resolve) => setImmediate(resolve));
  await begun.idle();
  return decision;
}

describe('a policy that notifies', () => {
  test('has its webhook told of the decision after the answer, signed, and the outcome is recorded', async () => {
    const { effect } = await decided('read', begin(webhook()));
    expect(effect).toBe('allow');
    const [{ headers, body } = { headers: {}, body: '' }] = seen;
    expect(headers['portcullis-signature']).toBe(signatureOf(SECRET, body, NOW));
    const id = '00000000-0000-4000-8000-000000000001';
    expect(headers['portcullis-delivery']).toBe(id);
    expect(JSON.parse(body)).toMatchObject({
      id,
      event: 'notify',
      policies: ['platform/s/seen'],
      decision: { id, effect: 'allow', tenant: 'acme', agent: 'analyst', tool: 'read', reasons: [] },
    });
    expect(body).not.toContain('arguments');
    const at = new Date(NOW).toISOString();
    expect(entries).toEqual([
      { kind: 'notice', event: 'unnotified', decision_id: id, policies: ['platform/s/seen'], webhook: 'nobody', at },
      { kind: 'notice', event: 'notified', decision_id: id, policies: ['platform/s/seen'], webhook: 'security', at },
    ]);
  });

  test('has it told of a denial, once for all policies that name it', async () => {
    expect((await decided('pay', begin(webhook()))).effect).toBe('deny');
    expect(seen).toHaveLength(1);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      policies: ['platform/s/looked-at', 'platform/s/never'],
      decision: { effect: 'deny', reasons: [{ code: 'POLICY_DENIED', reason_code: 'NO_PAY' }] },
    });
  });

  test('has it told of a hold, and Slack in its words', async () => {
    expect((await decided('send', begin(webhook({ format: 'slack' })))).effect).toBe('hold');
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      text: expect.stringMatching(/^Held: acme\/analyst .*send$/),
    });
  });

  test('tells nobody of what it does not match', async () => {
    await decided('other', begin(webhook()));
    expect([seen, entries]).toEqual([[], []]);
  });
});

describe('a receiver', () => {
  test('that fails is told again', async () => {
    answers = [500, 503];
    await decided('pay', begin(webhook()));
    expect(outcomes).toEqual(['retried', 'retried', 'delivered']);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
    expect(entries.map(({ event }) => event)).toEqual(['notified']);
  });

  test('that never takes it is given up, and that is recorded', async () => {
    answers = Array.from({ length: 10 }, () => 500);
    await decided('pay', begin(webhook()));
    expect(outcomes.at(-1)).toBe('failed');
    expect(entries.map(({ event }) => event)).toEqual(['unnotified']);
  });

  test('that is slow holds no decision up, and what does not fit is dropped and recorded', async () => {
    const never = new Promise<'delivered'>(() => undefined);
    const begun = begin(webhook(), { channels: () => [{ webhook: webhook(), deliver: () => never }] });
    const { decide } = pipelineOf(engineOf(POLICIES), { followers: [begun] });
    for (let number = 0; number < 1_003; number += 1) await decide(toolCall('pay'));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(outcomes).toEqual(['dropped', 'dropped']);
    expect(entries.map(({ event }) => event)).toEqual(['unnotified', 'unnotified']);
    notifier = undefined;
  });

  test('is not waited for when the record cannot be written', async () => {
    const begun = begin(webhook(), { record: () => Promise.reject(new Error('full')) });
    expect((await decided('pay', begun)).effect).toBe('deny');
    expect(outcomes).toEqual(['delivered']);
  });
});
