/**
 * A sidecar that keeps allows, and nobody left to ask: what it kept allows nothing once the stream that would tell it of a change is
 * down, long before its time is over, however the stream went down.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { allowTools, keptFor, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type PdpProcess, type SidecarProcess, type Stack, startStack } from '../support/stack.js';

/** For which allows may be kept: more than all that is waited for here. */
const KEPT_SECONDS = 30;
/** A transport ping a second, and half a second for its answer; the rest is for a busy machine. */
const NOTICED_MS = 5_000;
/** Between calls: a thousand that no PDP has recorded would end what is kept as well. */
const PAUSE_MS = 20;
/** Calls that are refused in a row before it is believed. */
const REFUSED = 20;

jest.setTimeout(60_000);

let stack: Stack;
let upstream: RecordingUpstream;
let sidecar: SidecarProcess;
let proxy: FaultProxy;
let pdp: PdpProcess;
const agent = new Agent({ connections: 1 });

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  stack = await startStack({ pdp: { limits: { decisionDeadlineMs: 1_000 } } });
  const source = policySource('1.0.0', [allowTools('upstream', ['read'])]);
  await stack.publish(keptFor(source, KEPT_SECONDS), { waitMs: 30_000 });
  const [only] = stack.pdps;
  if (only === undefined) throw new Error('no PDP');
  pdp = only;
  proxy = await startFaultProxy(pdp.endpoint);
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'upstream', url: upstream.url }],
    endpoints: [proxy.address],
    pdp: { deadlineMs: 500, hedgeAfterMs: 400, breaker: { volumeThreshold: 5, resetTimeoutMs: 1_000 } },
  });
});
afterAll(async () => {
  await agent.close();
  await stack?.close();
  await proxy?.close();
  await upstream?.close();
});

/** The very same call each time. */
async function call(): Promise<string> {
  const params = { name: 'read', arguments: { path: '/the/same' } };
  const { body } = await request(sidecar.mcpUrl('upstream'), {
    dispatcher: agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
  return body.text();
}

/** How many calls the sidecar has answered by what it kept. */
async function kept(): Promise<number> {
  const { body } = await request(`http://${sidecar.addresses['admin'] ?? ''}/metrics`);
  return Number(/ask_duration_seconds_count\{cached="true"\} (\d+)/.exec(await body.text())?.[1] ?? 0);
}

/** Calls until what was kept is what answers. */
async function untilKept(): Promise<void> {
  await eventually(
    'calls to be answered by what is kept',
    async () => {
      const before = await kept();
      return (await call()).includes('"result"') && (await kept()) > before;
    },
    30_000,
  );
}

test.each<[string, () => unknown, () => unknown]>([
  ['its PDP is killed', () => pdp.kill(), () => pdp.start()],
  ['its PDP is stopped', () => pdp.pause(), () => pdp.resume()],
  ['its connection is reset', () => proxy.set('refuse'), () => proxy.set('pass')],
  ['its connection swallows everything', () => proxy.set('black_hole'), () => proxy.set('pass')],
])('no call passes when %s, and calls pass again afterwards', async (_what, strike, heal) => {
  await untilKept();
  await strike();
  const struckAt = performance.now();
  let refused = 0;
  try {
    await eventually(
      'calls to be refused',
      async () => {
        refused = (await call()).includes('"result"') ? 0 : refused + 1;
        return refused >= REFUSED;
      },
      KEPT_SECONDS * 1_000,
      PAUSE_MS,
    );
    const last = upstream.toolCalls().at(-1)?.at ?? 0;
    expect(last - struckAt).toBeLessThan(NOTICED_MS);
    expect(performance.now() - struckAt).toBeLessThan(KEPT_SECONDS * 1_000);
  } finally {
    await heal();
  }
  await untilKept();
});
