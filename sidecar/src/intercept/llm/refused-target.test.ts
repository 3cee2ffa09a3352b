/** What is refused before it was read whole is on record with what was known of it: the provider that its path names. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';

let client: FakePolicyClient;
let gateway: LlmHarness;
beforeEach(async () => {
  client = fakePolicyClient();
  gateway = await startLlmHarness({ client, url: 'http://127.0.0.1:9' });
});
afterEach(() => gateway.close());

const NAMED = '/openai/acme-openai/v1/chat/completions';
const OF_PROVIDER = { server: 'acme-openai', operation: 'chat.completions', reached: { provider: 'acme-openai' } };
const CHAT = { model: 'gpt-4o', messages: [] };

test.each<[string, string, Record<string, string>, unknown, object]>([
  ['a body that is none', NAMED, {}, '{', OF_PROVIDER],
  ['no object', NAMED, {}, '[]', OF_PROVIDER],
  ['a head that will not do', NAMED, { 'content-type': 'text/plain' }, '{}', OF_PROVIDER],
  ['no model', NAMED, {}, {}, OF_PROVIDER],
  ['a model that nobody serves', NAMED, {}, { ...CHAT, model: 'mine' }, OF_PROVIDER],
  ['no messages', NAMED, {}, { model: 'gpt-4o' }, OF_PROVIDER],
  ['no provider', '/v1/chat/completions', {}, '{', { operation: 'chat.completions' }],
  ['a provider that is none', '/openai/evil/v1/chat/completions', {}, '{', { operation: 'chat.completions' }],
  ['one of another API', '/openai/acme-anthropic/v1/responses', {}, '{', { operation: 'responses' }],
  ['a path that is none', '/openai/acme-openai/v1/files', {}, '{}', {}],
])('%s', async (_what, path, headers, body, target) => {
  await gateway.send({ path, headers, body });
  expect(client.unasked.map((one) => one.target)).toEqual([target]);
});
