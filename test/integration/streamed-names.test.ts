/** Names that a service finds, in streams through a whole Portcullis in real processes: read by the official client while the model speaks. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type FakePresidio, startFakePresidio } from '@portcullis/sidecar/fake-presidio';
import OpenAI from 'openai';
import { type ModelProvider, startModelProvider } from '../support/model-provider.js';
import { policySource } from '../support/policy-source.js';
import { type Stack, startStack } from '../support/stack.js';

jest.setTimeout(120_000);

const SENTENCE = 'It was Ada Lovelace who has written all of it, and nobody else. ';
const NAMELESS = SENTENCE.replace('Ada Lovelace', '');
const POLICIES = [
  { name: 'Models', on: ['inference'], when: 'always', effect: 'allow', priority: 1 },
  {
    name: 'No names from models',
    on: ['inference'],
    when: 'always',
    effect: { type: 'redact', redact_config: { ner: true, method: 'drop', direction: 'response' } },
    priority: 90,
  },
];
/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5_000, breaker: { resetTimeoutMs: 6_000 } };

let presidio: FakePresidio;
let provider: ModelProvider;
let stack: Stack;
let client: OpenAI;

beforeAll(async () => {
  presidio = await startFakePresidio();
  provider = await startModelProvider();
  stack = await startStack({ pdp: { limits: { decisionDeadlineMs: PATIENT.deadlineMs } } });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  const providers = [{ name: 'acme', kind: 'openai', baseUrl: `${provider.url}/v1`, models: [{ name: 'model-1' }] }];
  const sidecar = await stack.startSidecar({
    upstreams: [],
    pdp: PATIENT,
    config: { llm: { providers }, redaction: { ner: { url: presidio.url, timeoutMs: 20_000 } } },
  });
  client = new OpenAI({ baseURL: `http://${sidecar.addresses['llm'] ?? ''}/v1`, apiKey: 'unused', maxRetries: 0 });
});
afterAll(async () => {
  await stack.close();
  await provider.close();
  await presidio.close();
});

test('the first sentence is there before the model has said its last', async () => {
  const goOn = Promise.withResolvers<void>();
  provider.script = { text: SENTENCE.repeat(8), calls: [], usage: [11, 7], until: goOn.promise };
  const stream = await client.chat.completions.create({
    model: 'model-1',
    messages: [{ role: 'user', content: 'who was it?' }],
    stream: true,
  });
  let text = '';
  for await (const { choices } of stream) {
    text += choices[0]?.delta.content ?? '';
    if (text.includes(NAMELESS)) goOn.resolve();
  }
  expect(text).toBe(NAMELESS.repeat(8));
});

test('and of the Responses API, which says all of it once more at its end', async () => {
  const goOn = Promise.withResolvers<void>();
  provider.script = { text: SENTENCE.repeat(8), calls: [], usage: [11, 7], until: goOn.promise };
  const stream = await client.responses.create({ model: 'model-1', input: 'who was it?', stream: true });
  let text = '';
  for await (const event of stream) {
    if (event.type === 'response.output_text.delta') text += event.delta;
    if (text.includes(NAMELESS)) goOn.resolve();
    expect(JSON.stringify(event)).not.toContain('Lovelace');
    if (event.type === 'response.completed')
      expect(JSON.stringify(event.response.output)).toContain(NAMELESS.repeat(8));
  }
  expect(text).toBe(NAMELESS.repeat(8));
});
