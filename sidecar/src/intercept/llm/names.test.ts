/** Names that only a service knows: taken out of requests, answers and streams, or nothing passes. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRegistry, systemClock } from '@portcullis/runtime';
import { createSidecarMetrics } from '../../metrics.js';
import { redactionConfig } from '../../redact/config.js';
import { createLayerNotes } from '../../redact/layers.js';
import { type OpenedRedactor, openRedactor } from '../../redact/open.js';
import { allow, deny, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../../testing/fake-presidio.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import {
  chatCompletion,
  chunk,
  DONE,
  message,
  messageEvents,
  responseEvents,
  sendEvents,
} from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { redactingFilters } from './redacting.js';

const NAME = 'Ada Lovelace';
const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: `ask ${NAME} 😀` }] };

let presidio: FakePresidio;
let provider: RecordingUpstream;
let client: FakePolicyClient;
let redactor: OpenedRedactor;
let gateway: LlmHarness;

async function start(order: object, ner: object = {}): Promise<void> {
  client = fakePolicyClient(allow({ conditions: [{ type: 'redact', value: { ner: true, ...order } }] }));
  const layers = createLayerNotes();
  redactor = await openRedactor(redactionConfig.parse({ ner: { url: presidio.url, ...ner } }), {
    clock: systemClock,
    observer: createSidecarMetrics(createRegistry('portcullis_sidecar')),
    noted: layers.note,
  });
  const noted = layers.client(client);
  gateway = await startLlmHarness({
    client: {
      ...client,
      settle: noted.settle,
      report: noted.report,
      async ask(request) {
        const answer = await client.ask(request);
        if (answer.kind === 'decision') decided.push(answer.decision.decision_id);
        return answer;
      },
    },
    url: provider.url,
    filters: redactingFilters(redactor, 'acme'),
  });
}

/** What was allowed, whatever became of it. */
let decided: string[];
beforeEach(async () => {
  decided = [];
  presidio = await startFakePresidio();
  provider = await recordingUpstream();
});
afterEach(async () => {
  await gateway.close();
  redactor.close();
  await provider.close();
  await presidio.close();
});

const settled = (): readonly unknown[] => client.settled.map(({ outcome, redaction }) => ({ outcome, redaction }));

describe('a request', () => {
  test('goes without the name, and the answer has it again', async () => {
    await start({ method: 'tokenize', direction: 'request' });
    provider.script = (_request, response) => answerJson(response, chatCompletion('I asked [PERSON_1].'));
    const { json } = await gateway.send({ body: CHAT });
    expect(JSON.parse(provider.requests[0]?.body ?? '').messages[0].content).toBe('ask [PERSON_1] 😀');
    expect(json?.choices?.[0]?.message.content).toBe(`I asked ${NAME}.`);
    expect(client.asked.map(({ request }) => request?.query?.includes(NAME))).toEqual([true, false]);
    expect(client.settled.at(-1)).toMatchObject({ outcome: 'forwarded', redaction: { ner: 'answered' } });
    expect(client.settled[0]).toMatchObject({
      outcome: 'refused',
      redaction: { layers: ['recognisers', 'secrets', 'ner'], ner: 'answered' },
    });
  });

  test('names in JSON and in the input of tools are found as well', async () => {
    await start({ method: 'drop', direction: 'request' });
    provider.script = (_request, response) => answerJson(response, message([]));
    const content = [
      { type: 'tool_use', id: 't', name: 'look', input: { who: NAME, deep: JSON.stringify([{ who: NAME }]) } },
    ];
    await gateway.send({
      path: '/v1/messages',
      body: { model: 'claude-sonnet', max_tokens: 5, messages: [{ role: 'assistant', content }] },
    });
    expect(provider.requests).toHaveLength(1);
    expect(provider.requests[0]?.body).not.toContain('Lovelace');
  });
});

test('what is stopped while names are looked for in a request is not sent', async () => {
  await start({ direction: 'request' });
  presidio.script = () => {
    client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
    gateway.killEpoch('pdp-1', 1);
    return false;
  };
  provider.script = (_request, response) => answerJson(response, chatCompletion('done'));
  const { status, json } = await gateway.send({ body: { ...CHAT, messages: [{ role: 'user', content: 'hello' }] } });
  expect([status, json?.error?.code]).toEqual([403, 'KILL_SWITCH']);
  expect(provider.requests).toHaveLength(0);
  expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused']);
});

describe('when the service fails after a second decision', () => {
  const silent: FakePresidio['script'] = (_question, answer) => {
    answer.writeHead(500).end();
    return true;
  };
  const named = [{ type: 'redact', value: { ner: true } }] as const;

  test('about a call that the model proposes, that decision is given back', async () => {
    await start({});
    presidio.script = silent;
    client.behaviour = (request) => allow(request.kind === 'tool_call' ? { conditions: named } : {})(request);
    provider.script = (_request, response) => answerJson(response, chatCompletion('', [['pay', `{"to":"${NAME}"}`]]));
    const { text } = await gateway.send({ body: CHAT });
    expect(text).not.toContain('Lovelace');
    expect(client.settled.map(({ decision_id }) => decision_id).toSorted()).toEqual([...decided].toSorted());
  });

  test('about the answer, that decision is given back', async () => {
    await start({});
    presidio.script = silent;
    client.behaviour = (request) =>
      allow(
        request.request?.action === 'completion'
          ? { conditions: named }
          : { obligations: [{ type: 'decide_output', value: true }] },
      )(request);
    provider.script = (_request, response) => answerJson(response, chatCompletion(`it is ${NAME}`));
    const { status, text } = await gateway.send({ body: CHAT });
    expect([status, text.includes('Lovelace')]).toEqual([502, false]);
    expect(client.settled.map(({ decision_id }) => decision_id).toSorted()).toEqual([...decided].toSorted());
  });
});

test('what was allowed once goes on, under that decision, when somebody else is stopped meanwhile', async () => {
  await start({ direction: 'request' });
  presidio.script = () => {
    client.behaviour = deny({ code: 'APPROVAL_REFUSED', message: 'used up' });
    gateway.killEpoch('pdp-1', 1);
    return false;
  };
  provider.script = (_request, response) => answerJson(response, chatCompletion('done'));
  const { status } = await gateway.send({ body: { ...CHAT, messages: [{ role: 'user', content: 'hello' }] } });
  expect([status, client.asked.length]).toEqual([200, 1]);
  expect(client.settled.map(({ outcome }) => outcome)).toEqual(['forwarded']);
});

test('kills without an end end a request', async () => {
  await start({ direction: 'request' });
  let epoch = 0;
  client.behaviour = (request) => {
    epoch += 1;
    gateway.killEpoch('pdp-1', epoch);
    return allow()(request);
  };
  const { json } = await gateway.send({ body: { ...CHAT, messages: [{ role: 'user', content: 'hello' }] } });
  expect(json?.error?.code).toBe('KILL_SWITCH');
  expect(client.settled).toHaveLength(client.asked.length);
});

describe.each<[string, FakePresidio['script'], string]>([
  [
    'fails',
    (_question, answer) => {
      answer.writeHead(500).end();
      return true;
    },
    'failed',
  ],
  ['is silent', () => true, 'late'],
])('when the service %s', (_what, script, outcome) => {
  // Only silence has to be waited for.
  const timeoutMs = outcome === 'late' ? 100 : 10_000;

  test('nothing is sent', async () => {
    await start({ direction: 'request' }, { timeoutMs });
    presidio.script = script;
    const { status, json } = await gateway.send({ body: CHAT });
    expect([status, json?.error?.code]).toEqual([503, 'OBLIGATION_UNSUPPORTED']);
    expect(json?.error?.message).toContain('names');
    expect(provider.requests).toHaveLength(0);
    expect(settled()).toEqual([
      { outcome: 'refused', redaction: { layers: ['recognisers', 'secrets'], ner: outcome } },
    ]);
  });

  test('no answer passes, whole or as a stream', async () => {
    await start({ direction: 'response' }, { timeoutMs });
    provider.script = (_request, response) => answerJson(response, chatCompletion(`it is ${NAME}`));
    presidio.script = script;
    const whole = await gateway.send({ body: CHAT });
    provider.script = (_request, response) =>
      sendEvents(response, [chunk({ content: `it is ${NAME}` }), chunk({}, 'stop'), DONE]);
    const streamed = await gateway.send({ body: { ...CHAT, stream: true } });
    expect([whole.status, streamed.status]).toEqual([502, 502]);
    expect(whole.json?.error?.message).toContain('could not be searched for names');
    expect(whole.text + streamed.text).not.toContain('Lovelace');
    expect(client.settled.map(({ redaction }) => redaction?.ner)).toEqual([outcome, outcome]);
  });

  test('patterns alone run where that is configured, and the record says so', async () => {
    await start({ method: 'drop' }, { timeoutMs, failure: 'patterns' });
    presidio.script = script;
    provider.script = (_request, response) => answerJson(response, chatCompletion('a@example.org, you mean?'));
    const { json } = await gateway.send({ body: CHAT });
    expect(json?.choices?.[0]?.message.content).toBe(', you mean?');
    expect(settled()).toEqual([
      { outcome: 'forwarded', redaction: { layers: ['recognisers', 'secrets'], ner: outcome } },
    ]);
  });
});

describe('a stream', () => {
  const pieces = (text: string): readonly string[] => text.match(/.{1,3}/gsu) ?? [];
  const said = (events: readonly string[]): string =>
    events
      .filter((one) => one !== '[DONE]')
      .map((one) => JSON.parse(one))
      .map(
        (one) => one.choices?.[0]?.delta?.content ?? one.delta?.text ?? (one.type?.endsWith('.delta') ? one.delta : ''),
      )
      .join('');
  const WORDS = `😀 it was ${NAME}, I think`;
  const GONE = '😀 it was , I think';

  test.each<[string, string, object, readonly unknown[]]>([
    [
      'of chunks',
      '/v1/chat/completions',
      CHAT,
      [...pieces(WORDS).map((content) => chunk({ content })), chunk({}, 'stop'), DONE],
    ],
    ['of messages', '/v1/messages', { model: 'claude-sonnet', max_tokens: 50, messages: [] }, messageEvents([WORDS])],
    ['of a response', '/v1/responses', { model: 'gpt-4o', input: 'x' }, responseEvents([WORDS])],
  ])('%s comes without the name', async (_what, path, body, events) => {
    await start({ method: 'drop', direction: 'response' });
    provider.script = (_request, response) => sendEvents(response, events);
    const { events: got, text } = await gateway.send({ path, body: { ...body, stream: true } });
    expect(said(got)).toBe(GONE);
    expect(text).not.toContain('Lovelace');
    expect(client.settled.at(-1)?.outcome).toBe('forwarded');
  });

  test('the arguments of a call are looked at, and what is decided is what comes', async () => {
    await start({ method: 'drop', direction: 'response' });
    provider.script = (_request, response) =>
      sendEvents(response, messageEvents([{ name: 'write', pieces: ['{"to":"Ada Love', 'lace"}'] }], 'tool_use'));
    const body = { model: 'claude-sonnet', max_tokens: 50, messages: [], stream: true };
    const { text } = await gateway.send({ path: '/v1/messages', body });
    expect(client.asked.at(-1)?.tool?.arguments).toEqual({ to: '' });
    expect(text).toContain(String.raw`{\"to\":\"\"}`);
    expect(text).not.toContain('Lovelace');
  });

  test('one that breaks off says nothing', async () => {
    await start({ direction: 'response' });
    provider.script = (_request, response) => sendEvents(response, [chunk({ content: WORDS })]);
    const { status, text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect([status, text.includes('it was')]).toEqual([502, false]);
    expect(client.settled.at(-1)).toMatchObject({ outcome: 'upstream_failed' });
  });
});
