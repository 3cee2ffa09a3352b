/**
 * A deny is published while an agent hammers through a sidecar that keeps allows: how long stale allows go on (contracts
 * §13, P1), and that whatever reached the server is in the audit of some PDP, though most of it was never asked about.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { argumentsDigestHex } from '@portcullis/proto';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { quantile } from '../support/load.js';
import { allowTools, denyTools, keptFor, type PolicySource, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** Denies that are published. */
const PUBLISHES = LONG ? 50 : 5;
const LANES = 4;
/** P1. */
const STALE_MS = 2_000;

jest.setTimeout(LONG ? 900_000 : 120_000);

const figures: string[] = [];
let stack: Stack;
let upstream: RecordingUpstream;
let sidecar: SidecarProcess;
const agent = new Agent({ connections: LANES });

let version = 0;
function policies(allows: boolean): PolicySource {
  version += 1;
  const rule = allows ? allowTools('upstream', ['read']) : denyTools('upstream', ['read'], 'CLOSED', 'closed');
  return keptFor(policySource(`1.0.${version}`, [rule]), 30);
}

/** Whether the call reached the server. */
async function call(path: string): Promise<boolean> {
  const { body } = await request(sidecar.mcpUrl('upstream'), {
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
      params: { name: 'read', arguments: { path } },
    }),
  });
  return (await body.text()).includes('"result"');
}

/** Asks that were answered by the sidecar itself, so far. */
async function served(): Promise<number> {
  const { body } = await request(`http://${sidecar.addresses['admin'] ?? ''}/metrics`);
  const found = /ask_duration_seconds_count\{cached="true"\} (\d+)/.exec(await body.text());
  return Number(found?.[1] ?? 0);
}

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  stack = await startStack({ pdps: 2, pdp: { limits: { decisionDeadlineMs: 1_000 } } });
  await stack.publish(policies(true), { waitMs: 30_000 });
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'upstream', url: upstream.url }],
    // It is about what is kept, on machines that are busy with other tests.
    pdp: { deadlineMs: 900, hedgeAfterMs: 800, breaker: { volumeThreshold: 100_000 } },
  });
  await eventually('the first call', () => call('/first'));
});

afterAll(async () => {
  await agent.close();
  await stack.close();
  await upstream.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

test(`after a deny is published no allow is older than ${STALE_MS} ms, and every call is on record`, async () => {
  const stale: number[] = [];
  let calls = 0;
  let hammering = true;
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    while (hammering) {
      calls += 1;
      await call(`/${lane}/${calls}`);
    }
  });
  try {
    for (let n = 0; n < PUBLISHES; n += 1) {
      const before = upstream.toolCalls().length;
      const servedBefore = await served();
      await eventually('calls to pass', () => upstream.toolCalls().length > before + 20);
      await eventually('the sidecar to answer by itself', async () => (await served()) > servedBefore + 10);
      const denied = await stack.publish(policies(false));
      await stack.loaded(denied.seq);
      // Settled once everybody has it and calls are refused.
      await eventually('calls to be refused', async () => !(await call(`/probe/${n}`)));
      const last = upstream.toolCalls().at(-1)?.at ?? 0;
      stale.push(Math.max(0, last - denied.acceptedAt));
      await stack.publish(policies(true), { waitMs: 30_000 });
      await eventually('calls to pass again', () => call(`/again/${n}`));
    }
  } finally {
    hammering = false;
    await Promise.all(lanes);
  }
  const reached = upstream.toolCalls();
  const own = await served();
  figures.push(
    `${stale.length} denies: last stale allow p50 ${quantile(stale, 0.5).toFixed(0)} ms, p99 ${quantile(stale, 0.99).toFixed(0)} ms, ` +
      `max ${Math.max(...stale).toFixed(0)} ms; ${reached.length} calls reached the server, ${own} of ${calls} answered by the sidecar`,
  );
  expect(quantile(stale, 0.99)).toBeLessThanOrEqual(STALE_MS);
  // Or the test says nothing about the cache.
  expect(own).toBeGreaterThan(reached.length / 4);

  const digests = reached.map(({ params }) =>
    argumentsDigestHex((params as { readonly arguments: { readonly path: string } }).arguments),
  );
  await eventually('every call to be recorded', () => {
    const allowed = stack.decisions().filter(({ effect }) => effect === 'allow');
    const known = new Set(allowed.map((record) => record.arguments_digest));
    return digests.every((digest) => known.has(digest));
  });
  const reuses = stack.decisions().filter((record) => record['reuse_of'] !== undefined);
  const ids = new Set(stack.decisions().map(({ decision_id: id }) => id));
  expect(reuses.length).toBeGreaterThanOrEqual(own);
  expect(reuses.every((record) => ids.has(String(record['reuse_of'])))).toBe(true);
});
