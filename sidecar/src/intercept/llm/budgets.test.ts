import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { allow, type FakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { CHAT, MESSAGE, only, startLlmWorld } from '../../testing/llm-world.js';
import { chatCompletion, chunk, DONE, messageEvents, responseEvents, sendEvents } from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  ({ client, provider, gateway } = await startLlmWorld());
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

const inferences = (): readonly CanonicalRequest[] => client.asked.filter(({ kind }) => kind === 'inference');

describe('budgets', () => {
  const capped = (cap: number) => (request: CanonicalRequest) =>
    allow({ conditions: request.kind === 'inference' ? [{ type: 'max_tokens', value: cap }] : [] })(request);

  test('a request that may use more is asked about again with a lower limit, and sent with it', async () => {
    client.behaviour = capped(20);
    await gateway.send({ body: CHAT });
    expect(inferences().map(({ request }) => request?.max_tokens)).toEqual([50, 20]);
    expect(JSON.parse(only(provider.requests).body).max_tokens).toBe(20);
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused', 'forwarded']);
  });

  test('a request without a limit gets one', async () => {
    client.behaviour = capped(20);
    await gateway.send({ body: { ...CHAT, max_tokens: undefined } });
    expect(JSON.parse(only(provider.requests).body).max_completion_tokens).toBe(20);
  });

  test('no answer has more than was counted for it, where that is configured', async () => {
    await gateway.close();
    const estimate = { outputTokens: 10, enforced: true };
    gateway = await startLlmHarness({ client, url: provider.url, config: { estimate } });
    provider.script = (_request, response) => sendEvents(response, [chunk({ content: 'x'.repeat(100) }), DONE]);
    const { text } = await gateway.send({ body: { ...CHAT, max_tokens: undefined, stream: true } });
    expect(JSON.parse(only(provider.requests).body).max_completion_tokens).toBe(10);
    expect(only(client.asked).request?.max_tokens).toBe(10);
    expect(text).toContain('"finish_reason":"length"');
  });

  test('or it is refused, where that is configured, and where it cannot be lowered', async () => {
    client.behaviour = capped(1);
    expect((await gateway.send({ body: { ...CHAT, n: 2 } })).status).toBe(403);
    await gateway.close();
    gateway = await startLlmHarness({ client, url: provider.url, config: { maxTokens: 'refuse' } });
    expect((await gateway.send({ body: CHAT })).json?.error?.message).toContain('at most 1 tokens');
    expect(provider.requests).toHaveLength(0);
  });

  test.each([
    [
      '/v1/chat/completions',
      CHAT,
      [chunk({ content: 'x'.repeat(400) }), chunk({}, 'stop'), DONE],
      '"finish_reason":"length"',
    ],
    ['/v1/messages', MESSAGE, messageEvents(['x'.repeat(400)]), '"stop_reason":"max_tokens"'],
    [
      '/v1/responses',
      { model: 'gpt-4o', input: 'x' },
      responseEvents(['x'.repeat(400)]),
      '"reason":"max_output_tokens"',
    ],
  ])(
    'a stream of %s that goes on beyond its limit is cut off, as its API would end it',
    async (path, body, events, end) => {
      client.behaviour = capped(10);
      provider.script = (_request, response) => sendEvents(response, events);
      const { text, status } = await gateway.send({ path, body: { ...body, stream: true } });
      expect(status).toBe(200);
      expect(text).toContain(end);
      expect(client.settled.at(-1)?.usage?.output_tokens).toBeGreaterThan(10);
      expect(await gateway.registry.metrics()).toContain('portcullis_sidecar_llm_streams_cut_total 1');
    },
  );

  test('what a provider refuses has used nothing; what it does not count stays estimated', async () => {
    provider.script = (_request, response) => answerJson(response, { error: { message: 'no', type: 'x' } }, 400);
    const refused = await gateway.send({ body: CHAT });
    expect([refused.status, refused.json?.error?.message]).toEqual([400, 'no']);
    expect(client.settled.at(-1)).toMatchObject({ outcome: 'upstream_failed', usage: { tokens: 0, cost: 0 } });
    provider.script = (_request, response) => answerJson(response, { ...chatCompletion('x'), usage: undefined });
    await gateway.send({ body: CHAT });
    expect(client.settled.at(-1)).not.toHaveProperty('usage');
  });
});

test.each<[string, string, object, readonly unknown[]]>([
  ['of its first event', '/v1/messages', MESSAGE, messageEvents(['a long answer']).slice(0, 3)],
  [
    'of every chunk',
    '/v1/chat/completions',
    CHAT,
    [chunk({ content: 'a' }, null, { usage: { prompt_tokens: 9, completion_tokens: 1 } })],
  ],
])('of a stream that breaks off, the count %s is not what was used', async (_what, path, body, events) => {
  provider.script = (_request, response) => sendEvents(response, events);
  await gateway.send({ path, body: { ...body, stream: true } });
  expect(only(client.settled).outcome).toBe('upstream_failed');
  expect(only(client.settled)).not.toHaveProperty('usage');
});

test('a count that says nothing of the answer is none', async () => {
  provider.script = (_request, response) =>
    answerJson(response, { ...chatCompletion('x'), usage: { prompt_tokens: 9 } });
  await gateway.send({ body: CHAT });
  expect(only(client.settled)).not.toHaveProperty('usage');
});

test('a settlement says whose tokens they were, so that a PDP can price them', async () => {
  await gateway.send({ body: CHAT });
  expect(only(client.settled).usage).toEqual({
    input_tokens: 11,
    output_tokens: 7,
    model: 'gpt-4o',
    model_provider: expect.any(String),
  });
});
