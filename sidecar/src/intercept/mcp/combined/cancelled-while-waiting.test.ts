/** Calls at the endpoint of all servers that wait for people and are cancelled, of a server that has no sessions. */

import { afterEach, expect, test } from '@jest/globals';
import { fakePeople } from '../../../testing/fake-people.js';
import { fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { last, until } from '../../../testing/held-payments.js';
import { type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { answerJson, echo, type RecordingUpstream, recordingUpstream } from '../../../testing/recording-upstream.js';

let harness: Harness;
let server: RecordingUpstream;
afterEach(async () => {
  await harness.close();
  await server.close();
});

test('go nowhere when people agree', async () => {
  const people = fakePeople();
  server = await recordingUpstream((request, response) => {
    const { id, method } = JSON.parse(request.body) as { id?: string; method: string };
    if (method !== 'initialize') return echo(request, response);
    const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'a' } };
    return answerJson(response, { jsonrpc: '2.0', id, result });
  });
  harness = await startHarness({
    client: fakePolicyClient(people.behaviour),
    upstreamUrl: server.url,
    upstreams: [{ name: 'a', url: server.url }],
    combined: true,
    approvals: { waitMs: 60_000 },
  });
  const post = (message: object, session?: string) =>
    harness.send({
      path: '/mcp',
      headers: [
        ...['content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
        ...(session === undefined ? [] : ['mcp-session-id', session, 'mcp-protocol-version', '2025-11-25']),
      ],
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const session = String((await post({ id: 0, method: 'initialize', params: hello })).headers['mcp-session-id']);
  const params = { name: 'a__pay', arguments: { to: 'bob' } };
  const waiting = post({ id: 1, method: 'tools/call', params }, session);
  await until(() => harness.news.waiting === 1);
  expect((await post({ method: 'notifications/cancelled', params: { requestId: 1 } }, session)).status).toBe(202);
  people.approve();
  harness.news.told('pdp-1', 1);
  expect(last(await waiting).error).toBeDefined();
  expect(server.requests.filter(({ body }) => body.includes('tools/call'))).toEqual([]);
  expect(people.used).toEqual([]);
});
