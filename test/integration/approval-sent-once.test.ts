/**
 * P3 with the sidecar in it: an approval is used up by a PDP, and the call is sent by a sidecar. One that is killed in between,
 * or while it sends, has carried the call out at most once, and nobody carries it out again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';
import { type Approver, createApprover } from '../support/approver.js';
import { eventually } from '../support/eventually.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { ALLOW_ALL_MCP, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

jest.setTimeout(120_000);

/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5_000, breaker: { resetTimeoutMs: 6_000 } };
/** From before the question arrives to after the call was sent. */
const KILLED_AFTER_MS = [0, 2, 5, 10, 20, 40];

let folder = '';
let redis: RedisServer;
let store: Redis;
let approver: Approver;
let stack: Stack;
let upstream: RecordingUpstream;
let proxy: FaultProxy;
let victim: SidecarProcess;
let other: SidecarProcess;
const agent = new Agent();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-sent-once-'));
  redis = await startRedisServer();
  store = new Redis({ host: redis.host, port: redis.port });
  upstream = await startRecordingUpstream();
  approver = createApprover(folder, 'tess', 'treasurer');
  stack = await startStack({
    pdps: 1,
    logLevel: 'warn',
    pdp: {
      limits: { decisionDeadlineMs: PATIENT.deadlineMs },
      http: {},
      approvals: {
        store: { type: 'redis', url: `redis://${redis.host}:${redis.port}`, tls: false, timeoutMs: 5_000 },
        ...approver.approvals,
      },
    },
  });
  const writes = { field: 'tool.name', operator: 'equals', value: 'write' };
  const effect = { type: 'require_approval', role: 'treasurer' };
  const { seq } = await stack.publish(
    policySource('1.0.0', [ALLOW_ALL_MCP, { name: 'Ask people', when: writes, effect, priority: 90 }]),
  );
  await stack.loaded(seq);
  proxy = await startFaultProxy(stack.pdps[0]?.endpoint ?? '');
  const upstreams = [{ name: 'files', url: upstream.url }];
  // Nobody waits for people here: each attempt is one question.
  const config = { approvals: { waitMs: 0 } };
  victim = await stack.startSidecar({ upstreams, config, pdp: PATIENT, endpoints: [proxy.address] });
  other = await stack.startSidecar({ upstreams, config, pdp: PATIENT });
});

afterAll(async () => {
  await agent.destroy();
  await proxy?.close();
  await stack?.close();
  await upstream?.close();
  store?.disconnect();
  await redis?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the sidecar answers; nothing when it is killed before. */
async function call(sidecar: SidecarProcess, label: string): Promise<string> {
  try {
    const { body } = await request(sidecar.mcpUrl('files'), {
      dispatcher: agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'write', arguments: { label } },
      }),
    });
    return await body.text();
  } catch {
    return '';
  }
}

function sent(label: string): number {
  return upstream.toolCalls().filter(({ body }) => body.includes(`"${label}"`)).length;
}

/** Has the call held, and people agree to it. */
async function agreed(label: string): Promise<string> {
  const held = await call(other, label);
  const id = /"approval_id":"([0-9a-f-]{36})"/.exec(held)?.[1];
  if (id === undefined) throw new Error(`not held: ${held}`);
  await approver.approve(stack, id);
  return id;
}

/** Held anew: what was agreed to is used up. */
async function expectHeld(sidecar: SidecarProcess, label: string, before: string): Promise<void> {
  const held = await call(sidecar, label);
  expect(held).toContain('approval_id');
  expect(held).not.toContain(before);
}

test('what people agreed to is sent once, and held the next time', async () => {
  const id = await agreed('plain');
  expect(await call(victim, 'plain')).toContain('"result"');
  await expectHeld(other, 'plain', id);
  expect(sent('plain')).toBe(1);
});

test('a sidecar that is killed after the approval was used up and before it sent: none', async () => {
  const id = await agreed('between');
  // The answer takes so long to come back.
  proxy.set('pass', { delayMs: 500 });
  const answer = call(victim, 'between');
  const state = async (): Promise<string | null> => store.hget(`{portcullis:approvals}:p:${id}`, 'state');
  await eventually('the approval to be used up', async () => (await state()) === 'consumed', 10_000, 1);
  await victim.kill();
  proxy.set('pass');
  expect(await answer).toBe('');
  await victim.start();
  for (const sidecar of [other, victim]) await expectHeld(sidecar, 'between', id);
  expect(sent('between')).toBe(0);
});

test('a sidecar that is killed while it sends: none or one, whoever tries again', async () => {
  const counts: number[] = [];
  for (const afterMs of KILLED_AFTER_MS) {
    const label = `sending-${afterMs}`;
    await agreed(label);
    const answer = call(victim, label);
    await delay(afterMs);
    await victim.kill();
    await answer;
    await Promise.all([1, 2, 3].map(() => call(other, label)));
    counts.push(sent(label));
    await victim.start();
  }
  expect(Math.max(...counts)).toBeLessThanOrEqual(1);
  // Or nothing was sent at all, and nothing was shown.
  expect(Math.max(...counts)).toBe(1);
});
