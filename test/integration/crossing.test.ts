/**
 * Many clients with the same ids at once, over one sidecar and real PDPs: every reply is the caller's own, whatever else is
 * under way, and a server that is slow delays nobody who does not ask it. `verify:long` makes it 10,000 calls.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { quantile } from '../support/load.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
const CLIENTS = 50;
const CALLS_EACH = LONG ? 200 : 20;
/** Calls that one client has under way. */
const AT_ONCE = 10;
/** Clients of the server that is slow. */
const SLOW_CLIENTS = 20;

jest.setTimeout(LONG ? 600_000 : 120_000);

let stack: Stack;
let sidecar: SidecarProcess;
let quick: RecordingUpstream;
let other: RecordingUpstream;
const agents = Array.from({ length: CLIENTS }, () => new Agent({ connections: AT_ONCE }));

beforeAll(async () => {
  [quick, other] = await Promise.all([startRecordingUpstream(), startRecordingUpstream()]);
  stack = await startStack({ pdp: { limits: { decisionDeadlineMs: 10_000 } } });
  const tools = ['read', 'write'];
  const policies = [ALLOW_SESSIONS, allowTools('quick', tools), allowTools('other', tools)];
  await stack.publish(policySource('1.0.0', policies), { waitMs: 15_000 });
  sidecar = await stack.startSidecar({
    upstreams: [
      { name: 'quick', url: quick.url },
      { name: 'other', url: other.url },
    ],
    // It is about whose replies they are, on machines that are busy with other tests.
    pdp: {
      deadlineMs: 10_000,
      hedgeAfterMs: 9_000,
      keepaliveTimeoutMs: 30_000,
      breaker: { volumeThreshold: 100_000, resetTimeoutMs: 11_000 },
    },
  });
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.destroy()));
  await stack.close();
  await Promise.all([quick.close(), other.close()]);
});

interface Reply {
  readonly id?: unknown;
  readonly result?: { readonly content?: readonly { readonly text: string }[] };
  readonly error?: { readonly message: string };
}

async function call(dispatcher: Agent, server: string, id: number, name: string, canary: string): Promise<Reply> {
  const { body } = await request(sidecar.mcpUrl(server), {
    dispatcher,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { canary } } }),
  });
  return (await body.json()) as Reply;
}

test(`${CLIENTS * CALLS_EACH} calls of ${CLIENTS} clients with colliding ids: no reply crosses`, async () => {
  const wrong: string[] = [];
  let right = 0;
  await Promise.all(
    agents.map(async (agent, who) => {
      const lanes = Array.from({ length: AT_ONCE }, async (_, lane) => {
        for (let id = lane; id < CALLS_EACH; id += AT_ONCE) {
          const server = (who + id) % 2 === 0 ? 'quick' : 'other';
          // Every third is denied: its reply must not be another's either.
          const name = id % 3 === 2 ? 'delete' : 'read';
          const canary = `client-${who}-call-${id}-of-${server}`;
          const reply = await call(agent, server, id, name, canary);
          const said = reply.result?.content?.[0]?.text;
          const isOwn =
            name === 'delete' ? reply.error !== undefined && said === undefined : said === JSON.stringify({ canary });
          if (reply.id === id && isOwn) right += 1;
          else wrong.push(`${canary}: ${JSON.stringify(reply)}`);
        }
      });
      await Promise.all(lanes);
    }),
  );
  expect(wrong).toEqual([]);
  expect(right).toBe(CLIENTS * CALLS_EACH);
  const reached = [...quick.toolCalls(), ...other.toolCalls()];
  expect(reached).toHaveLength(
    CLIENTS * Array.from({ length: CALLS_EACH }, (_, id) => id).filter((id) => id % 3 !== 2).length,
  );
});

/** The middle one of a hundred calls of `quick`, one after the other, ms. */
async function timed(agent: Agent, canary: string): Promise<number> {
  const times: number[] = [];
  for (let id = 0; id < 100; id += 1) {
    const begun = performance.now();
    const reply = await call(agent, 'quick', id, 'read', canary);
    times.push(performance.now() - begun);
    expect(reply.result?.content?.[0]?.text).toBe(JSON.stringify({ canary }));
  }
  return quantile(times, 0.5);
}

test('a server that is slow for many delays nobody who asks another', async () => {
  const [first = new Agent(), ...patient] = agents.slice(0, 1 + SLOW_CLIENTS);
  const alone = await timed(first, 'alone');
  const before = other.toolCalls().length;
  other.setDelay(60_000);
  let slowDone = 0;
  const done = (): void => {
    slowDone += 1;
  };
  const slow = patient.flatMap((agent) =>
    Array.from({ length: AT_ONCE }, (_, id) => call(agent, 'other', id, 'read', 'slow').then(done, done)),
  );
  await eventually('all slow calls to be under way', () => other.toolCalls().length === before + slow.length, 60_000);
  const beside = await timed(first, 'beside');
  expect(slowDone).toBe(0);
  // Nobody waits for any of them; what else the machine does is slower by more than that.
  expect(beside).toBeLessThan(3 * alone + 50);
  other.setDelay(0);
  await Promise.all(patient.map((agent) => agent.destroy()));
  await Promise.all(slow);
});
