/** The stream on which all servers may speak first, and which of them is asked for its own again. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { allow, type Behaviour, fail, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../../testing/recording-upstream.js';

const HELLO = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
const NEWS = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
const client = fakePolicyClient();
let server: RecordingUpstream;
let harness: Harness;
let leaving: AbortController;

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  leaving = new AbortController();
  server = await recordingUpstream(({ method, body }, response) => {
    if (method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.write(`data: ${JSON.stringify(NEWS)}\n\n`);
    }
    const { id } = JSON.parse(body) as { readonly id?: string };
    if (id === undefined) return void response.writeHead(202).end();
    const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'a' } };
    return answerJson(response, { jsonrpc: '2.0', id, result });
  });
  const upstreams = [{ name: 'a', url: server.url }];
  harness = await startHarness({ client, upstreamUrl: server.url, upstreams, combined: true });
});
afterEach(async () => {
  leaving.abort();
  await harness.close();
  await server.close();
});

/** @param once what becomes of the question about the server's stream; of another one, an allow */
async function listen(once: Behaviour): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const url = `http://127.0.0.1:${harness.port}/mcp`;
  const begun = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: HELLO }),
  });
  client.behaviour = (request) => {
    client.behaviour = allow();
    return once(request);
  };
  const { body } = await fetch(url, {
    headers: {
      accept: 'text/event-stream',
      'mcp-session-id': begun.headers.get('mcp-session-id') ?? '',
      'mcp-protocol-version': '2025-11-25',
    },
    signal: leaving.signal,
  });
  return (body ?? new ReadableStream<Uint8Array>()).getReader();
}

test('a server whose stream nobody could be asked about is asked for it later', async () => {
  const reader = await listen(fail('PDP_UNAVAILABLE'));
  const { value } = await reader.read();
  expect(Buffer.from(value ?? []).toString()).toContain(NEWS.method);
});
