/**
 * Promise P0 under fault: agents call without a pause while the decision points are killed, stopped, cut off and
 * replaced by liars, one after the other. Whatever happens, no call reaches the server without an allow for exactly that
 * call, every refusal says why, and service returns by itself (P5, P6).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectHttp, type DemoClient } from '../demo/mcp-clients.js';
import { type DishonestPdp, LIES, startDishonestPdp } from '../support/dishonest-pdp.js';
import { eventually } from '../support/eventually.js';
import { type FaultMode, type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { type Load, type LoadCall, startLoad, tally } from '../support/load.js';
import { judge } from '../support/oracle.js';
import { ALLOW_SESSIONS, allowTools, denyTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type PdpProcess, type SidecarProcess, type Stack, startStack } from '../support/stack.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** How long a fault lasts, at least, in milliseconds; long enough for keepalive, which takes 1,500, and breaker to have their say. */
const FAULT_MS = LONG ? 10_000 : 1_800;
/** Promise P5. */
const RECOVERY_MS = 10_000;
/** A call that was under way when the fault struck may still end well; one that was begun later may not. */
const SETTLE_MS = 60;
/** So many good calls in a row count as service. */
const RUN = 20;

const POLICIES = policySource('1.0.0', [
  ALLOW_SESSIONS,
  allowTools('files', ['read', 'write']),
  denyTools('files', ['delete'], 'NO_DELETES', 'Deleting is not for agents.'),
]);

let stack: Stack;
let upstream: RecordingUpstream;
let proxies: readonly FaultProxy[] = [];
let sidecar: SidecarProcess;
let load: Load;
let official: DemoClient;
const strange: string[] = [];
const figures: string[] = [];
let stopOfficial = async (): Promise<void> => undefined;

/** The official client, one call at a time, beside the raw ones. */
function keepCalling(client: DemoClient): () => Promise<void> {
  let running = true;
  const done = (async () => {
    for (let turn = 0; running; turn += 1) {
      const outcome = await client.call(turn % 3 === 2 ? 'delete' : 'read', { path: '/data', official: turn });
      if (outcome.kind === 'failed') strange.push(outcome.message);
      if (outcome.kind === 'result' && !outcome.text.includes(`"official":${turn}`)) strange.push(outcome.text);
      if (outcome.kind === 'result' && turn % 3 === 2) strange.push('a deletion went through');
      await delay(50);
    }
  })();
  return async () => {
    running = false;
    await done;
  };
}

const isGood = ({ outcome }: LoadCall): boolean => outcome.kind === 'result';
/** Calls of the tools that policy allows. */
const permitted = (calls: readonly LoadCall[]): readonly LoadCall[] => calls.filter(({ tool }) => tool !== 'delete');

/** The end of the first of `RUN` good calls in a row, among those begun after `time`. */
function serviceSince(time: number): number | undefined {
  const calls = permitted(load.since(time));
  for (let at = 0; at + RUN <= calls.length; at += 1) {
    if (calls.slice(at, at + RUN).every(isGood)) return calls[at]?.endedAt;
  }
  return undefined;
}

/** What must be true at any time. */
function checkPromises(): void {
  const calls = [...upstream.calls];
  const verdict = judge(calls, stack.decisions());
  expect(verdict.violations).toEqual([]);
  expect(verdict.checked).toBe(calls.length);
  const odd = load.calls.filter(({ outcome }) => outcome.kind === 'malformed' || outcome.kind === 'unreachable');
  expect(odd.slice(0, 5)).toEqual([]);
  expect(load.calls.filter((call) => call.tool === 'delete' && isGood(call))).toEqual([]);
  expect(calls.filter((call) => (call.params as { name?: string } | undefined)?.name === 'delete')).toEqual([]);
  expect(strange).toEqual([]);
}

beforeAll(async () => {
  [stack, upstream] = await Promise.all([startStack({ pdps: 3, logLevel: 'warn' }), startRecordingUpstream()]);
  const { seq } = await stack.publish(POLICIES);
  await stack.loaded(seq);
  proxies = await Promise.all(stack.pdps.map((pdp) => startFaultProxy(pdp.endpoint)));
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
    endpoints: proxies.map(({ address }) => address),
  });
  const url = sidecar.mcpUrl('files');
  await eventually('the first connection', async () => {
    official = await connectHttp(url);
    return true;
  });
  stopOfficial = keepCalling(official);
  load = startLoad({ url, tools: ['read', 'write', 'delete', 'read', 'write'] });
  await eventually('service', () => serviceSince(0));
}, 60_000);

afterAll(async () => {
  await stopOfficial();
  await official?.close();
  await load?.stop();
  liar?.stop();
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await stack?.close();
  await upstream?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
}, 30_000);

interface Fault {
  readonly name: string;
  /** Whether nobody is left to ask. */
  readonly total: boolean;
  inject(): void | Promise<void>;
  heal(): void | Promise<void>;
}

const pdp = (index: number): PdpProcess => {
  const found = stack.pdps[index];
  if (found === undefined) throw new Error(`no PDP ${index}`);
  return found;
};
let liar: DishonestPdp | undefined;
const setAll = (mode: FaultMode, options?: { readonly delayMs: number }): void => {
  for (const proxy of proxies) proxy.set(mode, options);
};
const each = async (act: (pdp: PdpProcess) => unknown): Promise<void> => {
  await Promise.all(stack.pdps.map(act));
};

/** Every lie in turn, from the place of a real PDP and with its certificate. */
async function replaceByLiar(): Promise<void> {
  const victim = pdp(1);
  await victim.kill();
  const tls = stack.tls({ kind: 'pdp', name: victim.name });
  const started = await startDishonestPdp({ tls, port: Number(victim.endpoint.split(':').pop()) });
  const lies = Object.values(LIES);
  let turn = 0;
  started.lie = (asked) => {
    turn += 1;
    lies[turn % lies.length]?.(asked);
  };
  liar = started;
  await eventually('the liar to be asked', () => started.questions > 10);
}

const FAULTS: readonly Fault[] = [
  { name: 'kill -9 of one PDP', total: false, inject: () => pdp(0).kill(), heal: () => pdp(0).start() },
  {
    name: 'kill -9 of all PDPs',
    total: true,
    inject: () => each((one) => one.kill()),
    heal: () => each((one) => one.start()),
  },
  { name: 'SIGSTOP of one PDP', total: false, inject: () => pdp(1).pause(), heal: () => pdp(1).resume() },
  {
    name: 'SIGSTOP of all PDPs',
    total: true,
    inject: () => each((one) => one.pause()),
    heal: () => each((one) => one.resume()),
  },
  {
    name: 'a black hole before one PDP',
    total: false,
    inject: () => proxies[2]?.set('black_hole'),
    heal: () => proxies[2]?.set('pass'),
  },
  {
    name: 'a black hole before all PDPs',
    total: true,
    inject: () => setAll('black_hole'),
    heal: () => setAll('pass'),
  },
  {
    name: 'connections to all PDPs reset',
    total: true,
    inject: () => setAll('refuse'),
    heal: () => setAll('pass'),
  },
  {
    name: 'all PDPs slower than the deadline',
    total: true,
    inject: () => setAll('pass', { delayMs: 100 }),
    heal: () => setAll('pass'),
  },
  {
    name: 'one PDP replaced by a liar with its certificate',
    total: false,
    inject: replaceByLiar,
    heal: async () => {
      liar?.stop();
      await pdp(1).start();
    },
  },
];

describe('under a steady load of allowed and denied calls', () => {
  test.each(FAULTS)(
    '$name',
    async ({ name, total, inject, heal }) => {
      const callsBefore = load.calls.length;
      await inject();
      const struckAt = performance.now() + SETTLE_MS;
      await delay(FAULT_MS);
      await eventually('calls under the fault', () => load.since(struckAt).length >= 40);
      const healing = performance.now();
      const under = load.since(struckAt);
      checkPromises();
      if (total) {
        expect(under.filter(isGood)).toEqual([]);
        expect(Object.keys(tally(under))).toContain('PDP_BREAKER_OPEN');
      }
      await heal();
      const healedAt = performance.now();
      const servedAt = await eventually('service to return', () => serviceSince(healing), RECOVERY_MS + 2_000);
      expect(servedAt - healedAt).toBeLessThanOrEqual(RECOVERY_MS);
      checkPromises();
      const served = Math.max(0, Math.round(servedAt - healedAt));
      const made = load.calls.length - callsBefore;
      figures.push(
        `${name}: ${made} calls, under fault ${JSON.stringify(tally(under))}, service ${served} ms after the end`,
      );
    },
    60_000,
  );

  test('the oracle has seen enough to speak', () => {
    const calls = [...upstream.calls];
    const verdict = judge(calls, stack.decisions());
    expect(verdict.violations).toEqual([]);
    expect(verdict.argumentsCompared).toBeGreaterThan(500);
    figures.push(
      `oracle: ${verdict.checked} upstream requests, ${verdict.argumentsCompared} with arguments compared, 0 violations`,
    );
    // It would have spoken: the same evidence with one more call, one decision less, is not accepted.
    const [first] = calls.filter(({ method }) => method === 'tools/call');
    expect(first).toBeDefined();
    if (first === undefined) return;
    expect(judge([...calls, first], stack.decisions()).violations.map(({ kind }) => kind)).toEqual(['reused']);
    const without = stack.decisions().filter(({ decision_id: id }) => id !== first.headers['portcullis-decision-id']);
    expect(judge(calls, without).violations.map(({ kind }) => kind)).toEqual(['unknown_decision']);
  });
});
