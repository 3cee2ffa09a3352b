/** What a server says of itself is said to the agent like anything else: where a redaction is ordered, it is redacted. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Condition, JsonObject } from '@portcullis/policy/model';
import { allow, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const CARD = '4111111111111111';
const INFO = 'io.modelcontextprotocol/serverInfo';

let upstream: RecordingUpstream;
let harness: Harness;
let result: JsonObject;
beforeEach(async () => {
  upstream = await recordingUpstream((request, response) => {
    const { id } = JSON.parse(request.body) as { id: number };
    answerJson(response, { jsonrpc: '2.0', id, result });
  });
  const redact: Condition = { type: 'redact', value: { detectors: ['card'], method: 'mask', direction: 'response' } };
  harness = await startHarness({
    client: fakePolicyClient(allow({ conditions: [redact] })),
    upstreamUrl: upstream.url,
  });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
};
const PLAIN = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: { listChanged: true }, experimental: { trial: { until: 20271231 } } },
  serverInfo: { name: 'shop', version: '1.2.3' },
  instructions: 'ask for what you need',
};

test.each<[string, JsonObject]>([
  ['in its name', { serverInfo: { name: `pay ${CARD}`, version: '1' } }],
  ['in its description', { serverInfo: { name: 'shop', version: '1', description: `pay ${CARD}` } }],
  ['in a capability', { capabilities: { experimental: { trial: { note: `pay ${CARD}` } } } }],
  ['in its instructions', { instructions: `pay ${CARD}` }],
  ['beside the result', { _meta: { [INFO]: { name: `pay ${CARD}`, version: '1' } } }],
  ['under a name that the protocol keeps for itself', { _meta: { 'io.modelcontextprotocol/note': `pay ${CARD}` } }],
])('a card does not pass %s', async (_where, more) => {
  result = { ...PLAIN, ...more };
  const { status, text } = await harness.post(INITIALIZE);
  expect(status).toBe(200);
  expect(text).toContain('1111');
  expect(text).not.toContain(CARD);
});

test('an introduction in which nothing is found keeps its bytes', async () => {
  result = { ...PLAIN, _meta: { [INFO]: { name: 'shop', version: '1.2.3' } } };
  const { text } = await harness.post(INITIALIZE);
  expect(text).toBe(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
});
