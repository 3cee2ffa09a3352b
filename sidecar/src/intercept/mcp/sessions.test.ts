/** Ids, order and streams within sessions. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../enforce/refuse.js';
import { allow, denyOnly, type FakePolicyClient } from '../../testing/fake-policy-client.js';
import { CALL, open, startMcpWorld } from '../../testing/mcp-world.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { echo, type RecordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  ({ client, upstream, harness } = await startMcpWorld());
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

describe('sessions', () => {
  test('an id in use is refused, and never executed twice', async () => {
    let answer = (): void => undefined;
    const arrived = new Promise<void>((resolve) => {
      upstream.script = (request, response) => {
        answer = () => echo(request, response);
        resolve();
      };
    });
    const first = harness.post(CALL, ['mcp-session-id', 's']);
    await arrived;
    const second = await harness.post(CALL, ['mcp-session-id', 's']);
    expect(second.json.error?.code).toBe(RPC_CODE.invalidRequest);
    answer();
    expect((await first).status).toBe(200);
    expect(upstream.requests).toHaveLength(1);
  });

  test.each([
    ['allowed', allow(), ['tools/call', 'notifications/cancelled']],
    ['denied', denyOnly('tools/call'), ['notifications/cancelled']],
  ])('a cancellation does not overtake its call, which is then %s', async (_name, behaviour, arriving) => {
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    const { promise: deciding, resolve: begun } = Promise.withResolvers<void>();
    client.behaviour = async (request) => {
      if (request.tool?.operation !== 'tools/call' || request.context.session_id !== 's') return allow()(request);
      begun();
      await gate;
      return behaviour(request);
    };
    const arrived = (): unknown[] =>
      upstream.requests.map(({ body }) => (JSON.parse(body) as { method: string }).method);
    const cancel = (requestId: number): unknown => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId },
    });
    const roomy = await startHarness({ client, upstreamUrl: upstream.url, backstopMs: 60_000 });
    const call = roomy.post(CALL, ['mcp-session-id', 's']);
    await deciding;
    const cancellation = roomy.post(cancel(CALL.id), ['mcp-session-id', 's']);
    // One about another request, and one of another session, do not wait for it.
    await roomy.post(cancel(2), ['mcp-session-id', 's']);
    await roomy.post(cancel(CALL.id), ['mcp-session-id', 'other']);
    expect(arrived()).toEqual(['notifications/cancelled', 'notifications/cancelled']);
    release();
    await Promise.all([call, cancellation]);
    expect(arrived().slice(2)).toEqual(arriving);
    await roomy.close();
  });

  test('a cancellation that comes before its call waits for it a little', async () => {
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: CALL.id } };
    const cancellation = harness.post(cancel, ['mcp-session-id', 's']);
    while (!client.asked.some(({ tool }) => tool?.operation === cancel.method))
      await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([harness.post(CALL, ['mcp-session-id', 's']), cancellation]);
    const arrived = upstream.requests.map(({ body }) => (JSON.parse(body) as { method: string }).method);
    expect(arrived).toEqual(['tools/call', 'notifications/cancelled']);
  });

  test('GET and DELETE are decided; denied ones send nothing', async () => {
    client.behaviour = denyOnly('http/stream.open');
    expect((await harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] })).status).toBe(403);
    client.behaviour = denyOnly('http/session.delete');
    expect((await harness.send({ method: 'DELETE', headers: ['mcp-session-id', 's'] })).status).toBe(403);
    expect(upstream.requests).toEqual([]);
    client.behaviour = allow();
    expect((await harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] })).status).toBe(405);
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('a stream that is being opened', () => {
  const inSession = (session: string): Record<string, string> => ({ 'mcp-session-id': session });
  let openStream = (): void => undefined;
  let asked: Promise<void>;

  beforeEach(() => {
    asked = new Promise((resolve) => {
      upstream.script = (request, response) => {
        if (request.method !== 'GET') return echo(request, response);
        openStream = () => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        return resolve();
      };
    });
  });
  const verbs = (): string[] => upstream.requests.map(({ method }) => method ?? '');

  test('is open before what its session says next arrives; others do not wait', async () => {
    const opening = open(harness, 'GET', undefined, inSession('s'));
    await asked;
    const call = open(harness, 'POST', CALL, inSession('s'));
    await open(harness, 'POST', CALL, inSession('other'));
    expect(verbs()).toEqual(['GET', 'POST']);
    openStream();
    const [[stream]] = [await opening];
    await call;
    expect(verbs()).toEqual(['GET', 'POST', 'POST']);
    stream.destroy();
  });

  test('keeps its place while it is decided, and loses it when it is denied', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const deciding = new Promise<void>((resolve) => {
      client.behaviour = async (request) => {
        if (request.tool?.operation !== 'http/stream.open') return allow()(request);
        resolve();
        await gate;
        return denyOnly('http/stream.open')(request);
      };
    });
    const opening = open(harness, 'GET', undefined, inSession('s'));
    await deciding;
    const call = open(harness, 'POST', CALL, inSession('s'));
    await open(harness, 'POST', CALL, inSession('other'));
    expect(verbs()).toEqual(['POST']);
    release();
    const [, refused] = await opening;
    expect(refused.statusCode).toBe(403);
    await call;
    expect(verbs()).toEqual(['POST', 'POST']);
  });

  test('does not hold its session up for long', async () => {
    await harness.close();
    harness = await startHarness({ client, upstreamUrl: upstream.url, limits: { answerTimeoutMs: 60_000 } });
    const opening = open(harness, 'GET', undefined, inSession('s'));
    await asked;
    await open(harness, 'POST', CALL, inSession('s'));
    expect(verbs()).toEqual(['GET', 'POST']);
    openStream();
    const [stream] = await opening;
    stream.destroy();
  });
});
