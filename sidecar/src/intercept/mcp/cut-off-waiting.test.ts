/** What a kill stops before the server has said anything: what waits for its turn does not go, and what has gone is ended there. */

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { allow, deny, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } };
const killed = deny({ code: 'KILL_SWITCH', message: 'stopped' });

const client = fakePolicyClient();
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.settled.length = 0;
  client.allowed.clear();
  upstream = await recordingUpstream();
  harness = await startHarness({ client, upstreamUrl: upstream.url });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

test('a call that the server has not answered is ended there as well', async () => {
  const arrived = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  upstream.script = (_request, response) => {
    response.on('close', ended.resolve);
    arrived.resolve();
  };
  const answer = harness.post(CALL);
  await arrived.promise;
  client.behaviour = killed;
  harness.killEpoch('pdp-1', 5);
  expect((await answer).json.error?.data).toMatchObject({ code: 'KILL_SWITCH' });
  await ended.promise;
});

test('a call that was allowed, and waits for a stream that is being opened, does not go', async () => {
  const arrived = Promise.withResolvers<void>();
  // A server that answers no GET before it has something to say.
  upstream.script = () => arrived.resolve();
  const session = { 'mcp-session-id': 'one' };
  const stream = httpRequest(harness.url, { agent: false, headers: { accept: 'text/event-stream', ...session } });
  const refused = once(stream, 'response');
  stream.end();
  await arrived.promise;
  const answer = harness.post(CALL, Object.entries(session).flat());
  while (client.allowed.size < 2) await new Promise(setImmediate);
  client.behaviour = killed;
  harness.killEpoch('pdp-1', 5);
  expect((await answer).json.error?.data).toMatchObject({ code: 'KILL_SWITCH' });
  await refused;
  while (client.settled.length < 2) await new Promise(setImmediate);
  expect(upstream.requests.map(({ method }) => method)).toEqual(['GET']);
});
