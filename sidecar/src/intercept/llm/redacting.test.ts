import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from '../../redact/config.js';
import { createRedactor } from '../../redact/redactor.js';
import { allow, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { chatCompletion, chunk, DONE, message, messageEvents, sendEvents } from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { SENSITIVE_VALUES } from '../../testing/sensitive-values.js';
import { redactingFilters } from './redacting.js';

const CARD = '4111 1111 1111 1111';
const ordering = (value: object): FakePolicyClient =>
  fakePolicyClient(allow({ conditions: [{ type: 'redact', value: value as { readonly method: string } }] }));

let counted: Record<string, number>;
let provider: RecordingUpstream;
let gateway: LlmHarness;
let client: FakePolicyClient;

beforeEach(async () => {
  counted = {};
  provider = await recordingUpstream();
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

async function start(order: object): Promise<void> {
  client = ordering(order);
  const redactor = createRedactor({
    config: redactionConfig.parse({}),
    hashKey: Buffer.alloc(32, 1),
    clock: systemClock,
    observer: {
      redacted: (_direction, _bytes, _seconds, counts) => {
        for (const [kind, count] of Object.entries(counts)) counted[kind] = (counted[kind] ?? 0) + count;
      },
    },
  });
  gateway = await startLlmHarness({ client, url: provider.url, filters: redactingFilters(redactor, 'acme') });
}

const chat = (content: string, more: object = {}): object => ({
  model: 'gpt-4o',
  messages: [{ role: 'user', content }],
  ...more,
});
const pieces = (text: string, size: number): readonly string[] => text.match(new RegExp(`.{1,${size}}`, 'gsu')) ?? [];
const said = (events: readonly string[]): string =>
  events
    .filter((one) => one !== '[DONE]')
    .map((one) => JSON.parse(one) as { choices?: { delta?: { content?: string } }[]; delta?: { text?: string } })
    .map((one) => one.choices?.[0]?.delta?.content ?? one.delta?.text ?? '')
    .join('');

describe('masking', () => {
  beforeEach(() => start({ detectors: ['card'], method: 'mask' }));

  test('the provider does not see what the agent says, nor the agent what the provider says', async () => {
    provider.script = (_request, response) => answerJson(response, chatCompletion(`yours is ${CARD}`));
    const { text } = await gateway.send({ body: chat(`mine is ${CARD}`) });
    expect(provider.requests.map(({ body }) => body.includes('4111 1111'))).toEqual([false]);
    expect(provider.requests[0]?.body).toContain('1111');
    expect(text).not.toContain(CARD);
    expect(counted).toEqual({ card: 2 });
  });

  test.each([1, 2, 3, 5, 7, 18])('a stream in pieces of %d leaks nothing and loses nothing', async (size) => {
    const whole = `before ${CARD} after`;
    provider.script = (_request, response) =>
      sendEvents(response, [...pieces(whole, size).map((content) => chunk({ content })), chunk({}, 'stop'), DONE]);
    const { text, events } = await gateway.send({ body: chat('hello', { stream: true }) });
    expect(text.replaceAll(/[^0-9]/g, '')).not.toContain('411111111111');
    expect(said(events)).toMatch(/^before .*1111 after$/);
    expect(said(events)).not.toContain(CARD);
  });

  test('Anthropic’s messages and streams as well', async () => {
    const asked = { model: 'claude-sonnet', max_tokens: 9, messages: [{ role: 'user', content: CARD }] };
    provider.script = (_request, response) => answerJson(response, message([{ type: 'text', text: CARD }]));
    expect((await gateway.send({ path: '/v1/messages', body: asked })).text).not.toContain(CARD);
    provider.script = (_request, response) => sendEvents(response, messageEvents([`x ${CARD} y`], 'end_turn'));
    const { events } = await gateway.send({ path: '/v1/messages', body: { ...asked, stream: true } });
    expect(said(events)).toMatch(/^x .*1111 y$/);
    expect(said(events)).not.toContain(CARD);
    expect(provider.requests.some(({ body }) => body.includes('4111 1111'))).toBe(false);
  });
});

test.each(SENSITIVE_VALUES)('%s: piece by piece through both APIs', async (value) => {
  await start({
    detectors: ['email', 'phone', 'card', 'iban', 'ssn', 'national_id', 'ip', 'crypto', 'secret'],
    method: 'drop',
  });
  const whole = `Before: ${value} – after, thank you.`;
  const units = pieces(whole, 3);
  provider.script = (_request, response) =>
    sendEvents(response, [...units.map((content) => chunk({ content })), chunk({}, 'stop'), DONE]);
  const openai = await gateway.send({ body: chat('hello', { stream: true }) });
  expect(said(openai.events)).toBe('Before:  – after, thank you.');
  provider.script = (_request, response) => sendEvents(response, messageEvents([whole], 'end_turn'));
  const asked = { model: 'claude-sonnet', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'hello' }] };
  const anthropic = await gateway.send({ path: '/v1/messages', body: asked });
  expect(said(anthropic.events)).toBe('Before:  – after, thank you.');
});

test('placeholders go out, and come back as what they stand for', async () => {
  await start({ detectors: ['card'], method: 'tokenize', direction: 'request' });
  provider.script = ({ body }, response) => {
    const token = /\[[A-Z_]+_[0-9A-Za-z]+\]/.exec(body)?.[0] ?? 'none';
    answerJson(response, chatCompletion(`charged ${token}`));
  };
  const { text } = await gateway.send({ body: chat(`charge ${CARD}`) });
  expect(provider.requests.some(({ body }) => body.includes('4111 1111'))).toBe(false);
  expect(text).toContain(`charged ${CARD}`);
});

test.each([
  ['names a part of the message itself', { detectors: ['card'], fields: ['content'] }],
  ['names a detector that there is not', { detectors: ['horoscope'] }],
  ['wants a recogniser by context', { ner: true }],
])('an order that %s is refused before anything is sent', async (_what, order) => {
  await start(order);
  const { status, json } = await gateway.send({ body: chat('hello') });
  expect([status, json?.error?.code]).toEqual([503, 'OBLIGATION_UNSUPPORTED']);
  expect(provider.requests).toHaveLength(0);
});
