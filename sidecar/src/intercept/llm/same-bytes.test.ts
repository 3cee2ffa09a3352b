import { hash } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { allow, deny, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { chatCompletion, chunk, DONE, sendEvents } from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

// Hundreds of calls over real sockets.
jest.setTimeout(60_000);

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeAll(async () => {
  client = fakePolicyClient();
  provider = await recordingUpstream();
  const baseUrl = `${new URL(provider.url).origin}/v1`;
  gateway = await startLlmHarness({
    client,
    url: provider.url,
    config: { providers: [{ name: 'any', kind: 'openai', baseUrl, anyModel: true }] },
  });
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

test('a provider gets exactly what was decided, whatever an agent sends', async () => {
  provider.script = (_request, response) => answerJson(response, chatCompletion('ok'));
  const json = fc.jsonValue({ maxDepth: 4 });
  const extra = fc.dictionary(fc.string({ maxLength: 12 }), json, { maxKeys: 4 });
  let forwarded = 0;
  await fc.assert(
    fc.asyncProperty(extra, fc.array(fc.dictionary(fc.string(), json), { maxLength: 4 }), async (more, messages) => {
      provider.requests.length = 0;
      client.asked.length = 0;
      const body = { ...more, model: 'some-model', messages, tools: [], functions: [], stream: false, n: 1 };
      const sent = JSON.stringify(body);
      const { status } = await gateway.send({ path: '/openai/any/v1/chat/completions', body: sent });
      const [received] = provider.requests;
      if (received === undefined) {
        // Strictness is tested elsewhere; here it must only not be half done.
        expect(status).toBeGreaterThanOrEqual(400);
        return;
      }
      forwarded += 1;
      expect(JSON.parse(received.body)).toEqual(JSON.parse(sent));
      const asked = client.asked.at(-1);
      expect(asked?.tool?.attributes?.['body_sha256']).toBe(hash('sha256', received.body, 'hex'));
    }),
    { numRuns: 80 },
  );
  expect(forwarded).toBeGreaterThan(50);
});

test('no answer crosses to another call, and what is denied in between arrives nowhere', async () => {
  client.behaviour = (request) => (request.request?.query?.endsWith('3') === true ? deny() : allow())(request);
  provider.script = ({ body }, response) => {
    const { messages } = JSON.parse(body) as { readonly messages: readonly { readonly content: string }[] };
    const [word = ''] = messages.map(({ content }) => content);
    sendEvents(response, [...word.split('').map((content) => chunk({ content })), chunk({}, 'stop'), DONE]);
  };
  provider.requests.length = 0;
  const words = Array.from({ length: 200 }, (_, index) => `word-${index}`);
  const answers = await Promise.all(
    words.map((content) => {
      const body = { model: 'm', stream: true, messages: [{ role: 'user', content }] };
      return gateway.send({ path: '/openai/any/v1/chat/completions', body });
    }),
  );
  const heard = answers.map(({ status, events }) => {
    if (status === 403) return 'denied';
    const chunks = events.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one));
    return chunks.map((one) => one.choices[0].delta.content ?? '').join('');
  });
  expect(heard).toEqual(words.map((word) => (word.endsWith('3') ? 'denied' : word)));
  expect(provider.requests.filter(({ body }) => /word-\d*3"/.test(body))).toEqual([]);
});
