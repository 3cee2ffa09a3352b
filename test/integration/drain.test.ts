/**
 * SIGTERM is no fault: what is under way ends properly, what is new is refused, and the process ends with 0. One decision
 * point less, or each in turn, costs no call.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { connectAgent, type LoadAgent, type LoadCall, readAnswer, startLoad, tally } from '../support/load.js';
import { comeFirst, type Metronome, startMetronome } from '../support/metronome.js';
import { judge } from '../support/oracle.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

/** How long the server takes while a drain is going on. */
const SLOW_MS = 1_000;
/** See availability.test.ts. */
const STALL_MS = 15;
const STALLED_SHARE = 0.02;

let stack: Stack;
let upstream: RecordingUpstream;
let metronome: Metronome;
let calm: (() => void) | undefined;
const agents: LoadAgent[] = [];
const figures: string[] = [];

const startSidecar = (config: Readonly<Record<string, unknown>> = {}): Promise<SidecarProcess> =>
  stack.startSidecar({ upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }], config });
const agentOf = (sidecar: SidecarProcess): LoadAgent => {
  const agent = connectAgent(sidecar.mcpUrl('files'));
  agents.push(agent);
  return agent;
};
const nonces = (): readonly string[] =>
  upstream.toolCalls().map(({ params }) => String((params as { arguments?: { nonce?: string } }).arguments?.nonce));
const outcomes = (calls: readonly LoadCall[]): readonly string[] =>
  calls.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.code : outcome.kind));

/** A sidecar that has served somebody. */
async function warmSidecar(): Promise<SidecarProcess> {
  const sidecar = await startSidecar();
  const agent = agentOf(sidecar);
  await eventually('an allow', async () => (await agent.call('read')).outcome.kind === 'result');
  upstream.clear();
  return sidecar;
}

beforeAll(async () => {
  calm = comeFirst();
  metronome = startMetronome();
  [stack, upstream] = await Promise.all([startStack({ pdps: 3, logLevel: 'warn' }), startRecordingUpstream()]);
  const { seq } = await stack.publish(policySource('1.0.0', [ALLOW_SESSIONS, allowTools('files', ['read'])]));
  await stack.loaded(seq);
}, 60_000);

afterEach(async () => {
  expect(judge([...upstream.calls], stack.decisions()).violations).toEqual([]);
  upstream.setDelay(0);
  upstream.clear();
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});

afterAll(async () => {
  await stack?.close();
  await upstream?.close();
  await metronome?.stop();
  calm?.();
  process.stdout.write(`${figures.join('\n')}\n`);
}, 30_000);

/** Speaks HTTP/1.1 by hand, so that a second request can follow the first on the same connection. */
class Pipeline {
  readonly #socket: Socket;
  readonly #path: string;
  #received = '';

  constructor(url: string) {
    const { hostname, port, pathname } = new URL(url);
    this.#path = pathname;
    this.#socket = connect(Number(port), hostname);
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('utf8');
    });
    this.#socket.on('error', () => undefined);
  }

  call(id: string): void {
    const params = { name: 'read', arguments: { nonce: id } };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
    const head = [
      `POST ${this.#path} HTTP/1.1`,
      'host: 127.0.0.1',
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      'mcp-protocol-version: 2025-11-25',
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    this.#socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }

  /** Every answer, once the other side has ended the connection. */
  async answers(): Promise<readonly { readonly head: string; readonly status: number; readonly text: string }[]> {
    if (!this.#socket.closed) await once(this.#socket, 'close');
    return this.#received.split(/(?=HTTP\/1\.1 )/).map((part) => {
      const [head = '', text = ''] = part.split('\r\n\r\n');
      return { head, status: Number(head.slice(9, 12)), text };
    });
  }
}

describe('SIGTERM to the sidecar', () => {
  test('calls under way end with their results, new ones are refused, and it ends with 0', async () => {
    const sidecar = await warmSidecar();
    upstream.setDelay(SLOW_MS);
    const idle = agentOf(sidecar);
    const underWay = Array.from({ length: 8 }, () => agentOf(sidecar).call('read'));
    const pipeline = new Pipeline(sidecar.mcpUrl('files'));
    pipeline.call('before');
    await eventually('the calls to arrive', () => upstream.toolCalls().length === 9);

    const begun = performance.now();
    const ended = sidecar.terminate();
    // The signal is on its way; new connections are refused as soon as it has arrived.
    const newcomer = agentOf(sidecar);
    await eventually(
      'the port to close',
      async () => (await newcomer.call('read')).outcome.kind !== 'result',
      5_000,
      1,
    );
    const accepted = nonces();
    pipeline.call('after');
    const late = await Promise.all([idle.call('read'), agentOf(sidecar).call('read')]);
    expect(outcomes(late)).toEqual(['unreachable', 'unreachable']);
    expect(outcomes(await Promise.all(underWay))).toEqual(Array.from({ length: 8 }, () => 'result'));
    const [before, after] = await pipeline.answers();
    expect(readAnswer(before?.status ?? 0, before?.text ?? '', 'before', { nonce: 'before' })).toEqual({
      kind: 'result',
    });
    // What follows on a connection whose end was announced is not read; if it is, it is told why.
    if (after === undefined) expect(before?.head.toLowerCase()).toContain('connection: close');
    else expect(readAnswer(after.status, after.text, 'after', {})).toMatchObject({ code: 'SHUTTING_DOWN' });

    expect(await ended).toBe(0);
    figures.push(
      `sidecar: 9 calls of ${SLOW_MS} ms under way ended well, gone ${Math.round(performance.now() - begun)} ms after SIGTERM`,
    );
    expect(nonces()).toEqual(accepted);
    expect(accepted).not.toContain('after');
  }, 30_000);

  test('calls that wait for a decision are refused, and it ends with 0', async () => {
    const sidecar = await warmSidecar();
    for (const pdp of stack.pdps) pdp.pause();
    try {
      const waiting = Array.from({ length: 4 }, () => agentOf(sidecar).call('read'));
      const ended = sidecar.terminate();
      for (const code of outcomes(await Promise.all(waiting))) {
        // Those that came too late found no port any more.
        expect(['PDP_TIMEOUT', 'SHUTTING_DOWN', 'unreachable']).toContain(code);
      }
      expect(await ended).toBe(0);
    } finally {
      for (const pdp of stack.pdps) pdp.resume();
    }
    expect(upstream.calls).toEqual([]);
  }, 30_000);

  test('a server that never answers holds it up no longer than configured', async () => {
    const sidecar = await startSidecar({ drainMs: 300 });
    const agent = agentOf(sidecar);
    await eventually('an allow', async () => (await agent.call('read')).outcome.kind === 'result');
    upstream.setDelay(6_000);
    const stuck = agent.call('read');
    await eventually('the call to arrive', () => upstream.toolCalls().length > 1);
    const begun = performance.now();
    expect(await sidecar.terminate()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect((await stuck).outcome.kind).not.toBe('result');
  }, 30_000);
});

describe('SIGTERM to a decision point', () => {
  test('of three, and to each in turn: no call fails, and each ends with 0', async () => {
    const sidecar = await warmSidecar();
    const watch = (): void => metronome.watch([process.pid, sidecar.pid, ...stack.pdps.map(({ pid }) => pid)]);
    watch();
    const load = startLoad({ url: sidecar.mcpUrl('files'), everyMs: 15 });
    await eventually('calls', () => load.calls.length >= 100);
    const codes: (number | null)[] = [];
    for (const pdp of stack.pdps) {
      codes.push(await pdp.terminate());
      const gone = performance.now();
      await eventually('calls without it', () => load.since(gone).length >= 100);
      await pdp.start();
      watch();
      const back = performance.now();
      await eventually('calls with it', () => load.since(back).length >= 100);
    }
    await load.stop();
    figures.push(
      `PDPs: rolling restart of three under ${load.calls.length} calls: ${JSON.stringify(tally(load.calls))}`,
    );
    expect(codes).toEqual([0, 0, 0]);
    const failures = load.calls.filter(({ outcome }) => outcome.kind !== 'result');
    const late = (call: LoadCall): number => metronome.latenessMs(call.startedAt, call.endedAt);
    const ours = failures.filter((call) => late(call) < STALL_MS);
    if (failures.length > 0) figures.push(`PDPs: of these the machine answers for ${failures.length - ours.length}`);
    expect(ours).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(load.calls.length * STALLED_SHARE);
  }, 60_000);
});
