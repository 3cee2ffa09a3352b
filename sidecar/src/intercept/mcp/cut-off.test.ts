/** What is under way when somebody stops it: streams end, calls are refused, and everybody else goes on. */

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allow, deny, fail, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } };
const NOTE = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } })}\n\n`;
const killed = deny({ code: 'KILL_SWITCH', message: 'stopped' });

const client = fakePolicyClient();
let upstream: RecordingUpstream;
let harness: Harness;
/** Resolves when the connection to the upstream ends. */
let gone: Promise<void>;

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.rechecked.length = 0;
  client.settled.length = 0;
  upstream = await recordingUpstream();
  const { promise, resolve } = Promise.withResolvers<void>();
  gone = promise;
  upstream.script = (_request, response) => {
    response.on('close', resolve);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(NOTE);
  };
  harness = await startHarness({ client, upstreamUrl: upstream.url, limits: { answerTimeoutMs: 5_000 } });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

async function open(method: 'GET' | 'POST'): Promise<IncomingMessage> {
  const outgoing = httpRequest(harness.url, {
    method,
    agent: false,
    headers: {
      accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
    },
  });
  outgoing.end(method === 'GET' ? undefined : JSON.stringify(CALL));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  await once(incoming, 'data');
  return incoming;
}

/** Resolves when the agent sees its stream end or break. */
function over(incoming: IncomingMessage): Promise<unknown> {
  return new Promise((resolve) => {
    incoming.on('error', resolve);
    incoming.on('close', () => resolve(undefined));
    incoming.resume();
  });
}

describe('a kill', () => {
  test.each(['GET', 'POST'] as const)(
    'ends a stream of %s that is open, for the agent and upstream',
    async (method) => {
      const incoming = await open(method);
      client.behaviour = killed;
      harness.killEpoch('pdp-1', 5);
      await over(incoming);
      await gone;
      expect(client.rechecked).toEqual(client.asked);
      expect(client.asked).toHaveLength(1);
      expect(harness.logged.join('')).toContain('cut off by the kill switch');
    },
  );

  test('refuses a call that the server has not answered yet', async () => {
    const arrived = Promise.withResolvers<void>();
    upstream.script = () => arrived.resolve();
    const answer = harness.post(CALL);
    await arrived.promise;
    client.behaviour = killed;
    harness.killEpoch('pdp-1', 5);
    expect((await answer).json.error?.data).toMatchObject({ code: 'KILL_SWITCH' });
  });

  test('also ends what nobody can be asked about', async () => {
    const incoming = await open('GET');
    client.behaviour = fail('PDP_UNAVAILABLE');
    harness.killEpoch('pdp-1', 5);
    await over(incoming);
    await gone;
    expect(client.rechecked).toHaveLength(1);
  });

  test.each([
    ['of somebody else', allow()],
    ['while a policy has changed its mind, which is for the next attempt', deny()],
  ])('%s ends nothing', async (_what, behaviour) => {
    const incoming = await open('GET');
    client.behaviour = behaviour;
    harness.killEpoch('pdp-1', 5);
    while (client.rechecked.length < 1) await new Promise(setImmediate);
    // Were it cut off, this event would not arrive.
    client.behaviour = allow();
    harness.killEpoch('pdp-1', 6);
    while (client.rechecked.length < 2) await new Promise(setImmediate);
    expect(incoming.destroyed).toBe(false);
    incoming.destroy();
  });

  test('that is reported again asks nobody again', async () => {
    const incoming = await open('GET');
    harness.killEpoch('pdp-1', 5);
    while (client.rechecked.length < 1) await new Promise(setImmediate);
    harness.killEpoch('pdp-1', 5);
    harness.killEpoch('pdp-2', 0);
    harness.killEpoch('pdp-2', 5);
    while (client.rechecked.length < 2) await new Promise(setImmediate);
    expect(client.rechecked).toHaveLength(2);
    incoming.destroy();
  });

  test('has nothing to end once an exchange is over', async () => {
    upstream.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }));
    };
    expect((await harness.post(CALL)).json.result).toEqual({});
    harness.killEpoch('pdp-1', 5);
    await new Promise(setImmediate);
    expect(client.rechecked).toHaveLength(0);
  });
});
