/**
 * The kill switch while a sidecar hammers three PDPs: how long after the command somebody was still allowed, by each of the
 * two ways alone; what is forged, replayed or older is refused; a restart forgets nothing; a lift ends it.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { runCli } from '@portcullis/cli';
import { createChainVerifier } from '@portcullis/policy/evidence';
import { type Kill, newEd25519Key, openSigningKey, type SigningKey, signKillList } from '@portcullis/policy/trust';
import { createLogger, openTlsMaterial, undiciDispatcher } from '@portcullis/runtime';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { type Load, startLoad, tally } from '../support/load.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { must } from '../support/signed-repository.js';
import { AGENT, ENV, type SidecarProcess, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(120_000);

/** Contracts: denied everywhere within. */
const BOUND_MS = 2_000;
/** The load goes on for so long after a kill, so that a late allow would be seen. */
const AFTER_MS = 1_500;

const figures: string[] = [];
afterAll(() => {
  process.stdout.write(`${figures.join('\n')}\n`);
});

let nats: NatsServer;
let redis: RedisServer;
let stack: Stack;
let upstream: RecordingUpstream;
let sidecar: SidecarProcess;
/** An MCP server that keeps every stream open and says nothing. */
let events: Server;
const loads: Load[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
  redis = await startRedisServer();
  stack = await startStack({
    pdps: 3,
    natsUrl: nats.url,
    pdp: {
      http: {},
      limits: { decisionDeadlineMs: 1_000 },
      quota: { store: { type: 'redis', url: `redis://${redis.host}:${redis.port}`, tls: false } },
    },
  });
  upstream = await startRecordingUpstream();
  events = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': open\n\n');
  });
  await once(events.listen(0, '127.0.0.1'), 'listening');
  const { seq } = await stack.publish(policySource('1.0.0', [ALLOW_SESSIONS, allowTools('files', ['read', 'write'])]));
  await stack.loaded(seq);
  sidecar = await stack.startSidecar({
    upstreams: [
      { name: 'files', url: upstream.url },
      { name: 'events', url: `http://127.0.0.1:${(events.address() as AddressInfo).port}/mcp` },
    ],
    pdp: { deadlineMs: 1_000, breaker: { resetTimeoutMs: 1_001 } },
  });
  await eventually('the sidecar to be allowed', async () => {
    const load = startLoad({ url: sidecar.mcpUrl('files'), agents: 1, everyMs: 10 });
    await eventually('a call', () => load.calls.length > 0);
    await load.stop();
    return tally(load.calls)['result'] !== undefined;
  });
});

afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop();
  // What a case that failed had stopped is not the next one's.
  const { stdout } = await portcullis('kill', 'list', ...direct());
  const { kills = [] } = JSON.parse(stdout || '{}') as { readonly kills?: readonly Kill[] };
  for (const { id } of kills) await portcullis('kill', 'lift', id, ...direct());
});

afterAll(async () => {
  await upstream?.close();
  events?.closeAllConnections();
  events?.close();
  await stack?.close();
  await nats?.close();
  await redis?.close();
});

interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function portcullis(...argv: readonly string[]): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  const tls = stack.tls({ kind: 'publisher', name: 'publisher' });
  const connection = [
    ...['--distributor', stack.distributor.url, '--trust-domain', TRUST_DOMAIN, '--env', ENV],
    ...['--tls-cert', tls.certFile, '--tls-key', tls.keyFile, '--tls-ca', tls.caFile],
    ...['--root', stack.trust.rootFile, '--keys', join(stack.folder, 'trust', 'keys')],
  ];
  const code = await runCli([...argv, ...connection, '--json'], {
    terminal: {
      width: 100,
      data: (text) => void out.push(text),
      say: (text) => void err.push(text),
      input: async () => new Uint8Array(),
    },
    signal: new AbortController().signal,
  });
  return { code, stdout: out.join('\n'), stderr: err.join('\n') };
}

const pdpUrls = (): readonly string[] => stack.pdps.map((pdp) => `https://${pdp.addresses['https']}`);
const direct = (): readonly string[] => pdpUrls().flatMap((url) => ['--pdp', url]);

/** Speaks to a PDP as the publisher. */
async function withPdp<T>(work: (dispatcher: ReturnType<typeof undiciDispatcher>) => Promise<T>): Promise<T> {
  const log = createLogger({ component: 'test', level: 'silent' });
  const material = await openTlsMaterial(stack.tls({ kind: 'publisher', name: 'publisher' }), { log });
  const dispatcher = undiciDispatcher(material, { acceptServer: () => true });
  try {
    return await work(dispatcher);
  } finally {
    material.close();
    await dispatcher.destroy();
  }
}

interface Shown {
  readonly seq: number;
  readonly lists: readonly string[];
  readonly code?: string;
}

async function killLists(): Promise<readonly Shown[]> {
  return withPdp((dispatcher) =>
    Promise.all(
      pdpUrls().map(async (url) => {
        const { body } = await request(`${url}/v1/kill`, { dispatcher });
        return (await body.json()) as Shown;
      }),
    ),
  );
}

async function offer(index: number, list: Uint8Array): Promise<{ readonly status: number; readonly code?: string }> {
  return withPdp(async (dispatcher) => {
    const { statusCode, body } = await request(`${pdpUrls()[index] ?? ''}/v1/kill`, {
      dispatcher,
      method: 'PUT',
      body: list,
      headers: { 'content-type': 'application/octet-stream' },
    });
    const { code } = (await body.json()) as Shown;
    return { status: statusCode, ...(code === undefined ? {} : { code }) };
  });
}

function hammer(): Load {
  const load = startLoad({ url: sidecar.mcpUrl('files'), agents: 8, everyMs: 4, tools: ['read', 'write'] });
  loads.push(load);
  return load;
}

/** From the start of the command to the end of the last call that was allowed, in milliseconds. */
async function stopped(
  load: Load,
  scope: readonly string[],
  tool?: string,
): Promise<{ ms: number; id: string; run: CliRun }> {
  await eventually('allowed calls', () => load.calls.filter(({ outcome }) => outcome.kind === 'result').length > 50);
  const began = performance.now();
  const run = await portcullis('kill', ...scope, '--reason', 'drill');
  const ended = performance.now();
  await eventually('the load to go on', () => load.since(ended + AFTER_MS).length > 20, 10_000);
  const concerned = load.calls.filter((call) => tool === undefined || call.tool === tool);
  const allowed = concerned.filter(({ outcome, endedAt }) => outcome.kind === 'result' && endedAt > began);
  const last = Math.max(began, ...allowed.map(({ endedAt }) => endedAt));
  const after = concerned.filter((call) => call.startedAt > began + BOUND_MS);
  expect(tally(after)).toEqual(after.length === 0 ? {} : { KILL_SWITCH: after.length });
  expect(load.calls.filter(({ outcome }) => outcome.kind === 'malformed')).toEqual([]);
  const { kills } = JSON.parse(run.stdout) as { readonly kills: readonly Kill[] };
  return { ms: last - began, id: kills.at(-1)?.id ?? '', run };
}

async function lifted(id: string, ...more: readonly string[]): Promise<CliRun> {
  const run = await portcullis('kill', 'lift', id, ...more);
  const load = startLoad({ url: sidecar.mcpUrl('files'), agents: 1, everyMs: 10, tools: ['read', 'write'] });
  await eventually('both tools to be allowed again', () => {
    const recent = load.calls.slice(-6);
    return recent.length === 6 && recent.every(({ outcome }) => outcome.kind === 'result');
  });
  await load.stop();
  return run;
}

function note(what: string, ms: number): void {
  figures.push(`kill switch: ${what}: last allowed call ${ms.toFixed(0)} ms after the command began`);
}

describe('all is well', () => {
  test.each([
    ['--agent', [`${AGENT.tenant}/${AGENT.agent}`], undefined],
    ['--tenant', [AGENT.tenant], undefined],
    ['--tool', ['files/read'], 'read'],
    ['--all', [], undefined],
  ] as const)('%s', async (flag, value, tool) => {
    const load = hammer();
    const { ms, id, run } = await stopped(load, [flag, ...value], tool);
    expect(run.code).toBe(0);
    expect(ms).toBeLessThan(BOUND_MS);
    if (tool !== undefined) {
      const others = load.calls.slice(-40).filter((call) => call.tool !== tool);
      expect(tally(others)).toEqual({ result: others.length });
    }
    note(flag, ms);
    await load.stop();
    expect((await lifted(id)).code).toBe(0);
  });

  test('a stream of notifications that is open ends', async () => {
    const agent = new Agent();
    const headers = { accept: 'text/event-stream', 'mcp-protocol-version': '2025-11-25' };
    const { statusCode, body } = await request(sidecar.mcpUrl('events'), { dispatcher: agent, headers });
    expect(statusCode).toBe(200);
    const ended = new Promise<number>((resolve) => {
      body.on('error', () => resolve(performance.now()));
      body.on('close', () => resolve(performance.now()));
      body.resume();
    });
    const other = await portcullis('kill', '--agent', 'acme/other', '--reason', 'drill');
    expect(other.code).toBe(0);
    const began = performance.now();
    const { stdout } = await portcullis('kill', '--agent', `${AGENT.tenant}/${AGENT.agent}`, '--reason', 'drill');
    const ms = (await ended) - began;
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(BOUND_MS);
    figures.push(`kill switch: an open stream of notifications ends ${ms.toFixed(0)} ms after the command began`);
    await agent.destroy();
    const { kills } = JSON.parse(stdout) as { readonly kills: readonly Kill[] };
    for (const { id } of kills) await portcullis('kill', 'lift', id);
  });

  test('a kill that names somebody else stops nobody here', async () => {
    const { code, stdout } = await portcullis('kill', '--agent', 'acme/other', '--reason', 'drill', '--expires', '8h');
    expect(code).toBe(0);
    const load = hammer();
    await eventually('calls', () => load.calls.length > 50);
    await load.stop();
    expect(tally(load.calls)).toEqual({ result: load.calls.length });
    const { kills } = JSON.parse(stdout) as { readonly kills: readonly Kill[] };
    await lifted(kills.at(-1)?.id ?? '');
  });

  test('what was stopped and lifted is in every chain, with who and why', async () => {
    for (const { auditDir } of stack.pdps) {
      const lines = readdirSync(auditDir)
        .filter((name) => name.endsWith('.jsonl'))
        .toSorted()
        .flatMap((name) => readFileSync(join(auditDir, name), 'utf8').trimEnd().split('\n'));
      const verifier = createChainVerifier();
      const records = lines.map((line) => verifier.line(line));
      expect(verifier.finish().findings).toEqual([]);
      const kills = records.filter((record) => record?.['kind'] === 'kill');
      expect(kills[0]).toMatchObject({
        event: 'applied',
        scope: 'agent acme/analyst',
        reason: 'drill',
        actor: `spiffe://${TRUST_DOMAIN}/publisher/publisher`,
      });
      expect(kills.filter((record) => record?.['event'] === 'lifted').length).toBeGreaterThan(3);
    }
  });
});

describe('one way is enough', () => {
  test('NATS and Redis are down', async () => {
    await nats.kill();
    await redis.kill();
    const { ms, id } = await stopped(hammer(), ['--all']);
    note('--all, NATS and Redis down', ms);
    expect(ms).toBeLessThan(BOUND_MS);
    for (const load of loads.splice(0)) await load.stop();
    await lifted(id);
    await nats.start();
  });

  test('the distributor is down: PDPs are named, and one that was away learns it from the others later', async () => {
    const [, , away] = stack.pdps;
    await stack.distributor.kill();
    const { ms, id, run } = await stopped(hammer(), ['--tool', 'files/read', ...direct()], 'read');
    note('--tool, distributor down', ms);
    expect(ms).toBeLessThan(BOUND_MS);
    // Said, because somebody has to know: the distributor is told by the PDPs once it is back.
    expect(run.code).not.toBe(0);
    expect(run.stderr).toContain('not taken by distributor');
    for (const load of loads.splice(0)) await load.stop();
    await away?.kill();
    const { seq } = JSON.parse((await portcullis('kill', '--agent', 'acme/other', ...direct())).stdout) as Shown;
    await stack.distributor.start();
    await away?.start();
    await eventually(
      'all PDPs to have the newest list',
      async () => (await killLists()).every((list) => list.seq === seq),
      15_000,
    );
    await lifted(id);
  });

  test('the channel alone', async () => {
    // Nobody is reached directly: the distributor alone is given the list.
    const lists = await killLists();
    const seq = Math.max(...lists.map((list) => list.seq)) + 1;
    const kill: Kill = {
      id: 'k-channel',
      scope: { kind: 'all' },
      reason: 'drill',
      actor: 'x',
      at: new Date().toISOString(),
    };
    const list = must(
      signKillList({ env: ENV, seq, kills: [kill], keys: killKeys(), now: Date.now(), lifetimeMs: 1e9 }),
    );
    const load = hammer();
    await eventually('allowed calls', () => load.calls.filter(({ outcome }) => outcome.kind === 'result').length > 50);
    const began = performance.now();
    const status = await withPdp(async (dispatcher) => {
      const url = `${stack.distributor.url}/v1/kill/${ENV}`;
      const headers = { 'content-type': 'application/octet-stream' };
      const { statusCode, body } = await request(url, { dispatcher, method: 'PUT', body: list.bytes, headers });
      await body.dump();
      return statusCode;
    });
    expect(status).toBe(200);
    await eventually('the load to go on', () => load.since(began + BOUND_MS).length > 20, 10_000);
    const allowed = load.calls.filter(({ outcome, endedAt }) => outcome.kind === 'result' && endedAt > began);
    const ms = Math.max(began, ...allowed.map(({ endedAt }) => endedAt)) - began;
    note('--all, over the channel alone', ms);
    expect(ms).toBeLessThan(BOUND_MS);
    await load.stop();
    await lifted('k-channel');
  });
});

function killKeys(): readonly SigningKey[] {
  return [must(openSigningKey(readFileSync(join(stack.folder, 'trust', 'keys', 'kills.pem'), 'utf8')))];
}

describe('what does not count', () => {
  test('forged, of another environment, older, or of nobody', async () => {
    const [before] = await killLists();
    const seq = (before?.seq ?? 0) + 1;
    const kill: Kill = { id: 'k-1', scope: { kind: 'all' }, reason: 'x', actor: 'x', at: new Date().toISOString() };
    const signed = (keys: readonly SigningKey[], env: string, number: number): Uint8Array =>
      must(signKillList({ env, seq: number, kills: [kill], keys, now: Date.now(), lifetimeMs: 1e9 })).bytes;
    const forger = [must(openSigningKey(newEd25519Key()))];
    expect(await offer(0, signed(forger, ENV, seq))).toEqual({ status: 400, code: 'ERR_KILL_REFUSED' });
    expect(await offer(0, signed(killKeys(), 'other', seq))).toEqual({ status: 400, code: 'ERR_KILL_REFUSED' });
    expect(await offer(0, signed(killKeys(), ENV, 1))).toEqual({ status: 409, code: 'ERR_KILL_SEQ' });
    expect(await offer(0, new TextEncoder().encode('{}'))).toEqual({ status: 400, code: 'ERR_KILL_REFUSED' });
    const flipped = signed(killKeys(), ENV, seq);
    const text = new TextDecoder().decode(flipped).replace('"x"', '"y"');
    expect(await offer(0, new TextEncoder().encode(text))).toEqual({ status: 400, code: 'ERR_KILL_REFUSED' });
    expect((await killLists()).map((list) => list.seq)).toEqual(stack.pdps.map(() => before?.seq));
  });

  test('a kill cannot be lifted with an older list, nor by a restart', async () => {
    const empty = Buffer.from((await killLists())[0]?.lists[0] ?? '', 'base64');
    const { stdout } = await portcullis('kill', '--all', '--reason', 'drill');
    const { kills } = JSON.parse(stdout) as { readonly kills: readonly Kill[] };
    expect(await offer(1, empty)).toEqual({ status: 409, code: 'ERR_KILL_SEQ' });
    await stack.distributor.kill();
    await nats.kill();
    for (const pdp of stack.pdps) {
      await pdp.kill();
      await pdp.start();
    }
    const load = startLoad({ url: sidecar.mcpUrl('files'), agents: 2, everyMs: 10 });
    loads.push(load);
    await eventually('denials by the kill switch', () => (tally(load.calls)['KILL_SWITCH'] ?? 0) > 20, 20_000);
    expect(tally(load.calls)['result']).toBeUndefined();
    await load.stop();
    await nats.start();
    await stack.distributor.start();
    await lifted(kills[0]?.id ?? '');
  });

  test('an agent may not ask for the list, and a publisher may not ask for decisions', async () => {
    const log = createLogger({ component: 'test', level: 'silent' });
    const material = await openTlsMaterial(stack.tls({ kind: 'agent', ...AGENT }), { log });
    const dispatcher = undiciDispatcher(material, { acceptServer: () => true });
    const { statusCode, body } = await request(`${pdpUrls()[0] ?? ''}/v1/kill`, { dispatcher });
    expect(statusCode).toBe(401);
    await body.dump();
    material.close();
    await dispatcher.destroy();
  });
});
