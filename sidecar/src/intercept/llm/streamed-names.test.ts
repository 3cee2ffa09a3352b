/** Names that only a service knows, in streams: sentences go on while the model still speaks, and no name does. */

import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRegistry, systemClock } from '@portcullis/runtime';
import { createSidecarMetrics } from '../../metrics.js';
import { redactionConfig } from '../../redact/config.js';
import { createLayerNotes } from '../../redact/layers.js';
import { type OpenedRedactor, openRedactor } from '../../redact/open.js';
import { allow, deny, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../../testing/fake-presidio.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { chunk, DONE, eventText, messageEvents, responseEvents, sendEvents } from '../../testing/provider-wire.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { redactingFilters } from './redacting.js';

const NAME = 'Ada Lovelace';
const FIRST = `😀 It was ${NAME} who wrote it, I think. `;
const REST = `She was not the only one, but nobody wrote before her. `.repeat(4);
const LAST = `The last word is of ${NAME}.`;
const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'who?' }], stream: true };

let presidio: FakePresidio;
let provider: RecordingUpstream;
let client: FakePolicyClient;
let redactor: OpenedRedactor;
let gateway: LlmHarness;

async function start(ner: object = {}, obligations: Parameters<typeof allow>[0] = {}): Promise<void> {
  const value = { ner: true, method: 'mask', placeholder: '[X]', direction: 'response' };
  client = fakePolicyClient(allow({ conditions: [{ type: 'redact', value }], ...obligations }));
  const layers = createLayerNotes();
  const config = { url: presidio.url, timeoutMs: 10_000, ...ner };
  redactor = await openRedactor(redactionConfig.parse({ ner: config }), {
    clock: systemClock,
    observer: createSidecarMetrics(createRegistry('portcullis_sidecar')),
    noted: layers.note,
  });
  const { settle, report } = layers.client(client);
  const filters = redactingFilters(redactor, 'acme');
  gateway = await startLlmHarness({ client: { ...client, settle, report }, url: provider.url, filters });
}
beforeEach(async () => {
  presidio = await startFakePresidio();
  provider = await recordingUpstream();
});
afterEach(async () => {
  await gateway.close();
  redactor.close();
  await provider.close();
  await presidio.close();
});

/** A stream that is read as it comes. */
interface Coming {
  /** Waits until it says so. */
  until(words: string): Promise<void>;
  /** All of it, at its end. */
  end(): Promise<string>;
}

async function ask(body: object = CHAT, path = '/v1/chat/completions'): Promise<Coming> {
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const more = async (): Promise<boolean> => {
    const read = await reader?.read();
    text += read?.value ?? '';
    return read?.done === false;
  };
  return {
    async until(words) {
      while (!saidIn(text).includes(words)) if (!(await more())) throw new Error(`it has ended: ${text}`);
    },
    async end() {
      while (await more());
      return text;
    },
  };
}

/** The words of a stream of any API. */
function saidIn(stream: string): string {
  return [...stream.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, data = '']) => JSON.parse(data))
    .map(
      (one) => one.choices?.[0]?.delta?.content ?? one.delta?.text ?? (one.type?.endsWith('.delta') ? one.delta : ''),
    )
    .join('');
}

/** Sends the events before the last words, and the others once somebody says so. */
function inTwo(events: readonly unknown[]): () => void {
  const goOn = Promise.withResolvers<void>();
  provider.script = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const all = events.map(eventText);
    const half = all.findIndex((_one, at) => saidIn(all.slice(0, at).join('')).includes('The last'));
    response.write(all.slice(0, half).join(''));
    await goOn.promise;
    response.end(all.slice(half).join(''));
  };
  return goOn.resolve;
}
const chunks = (text: string, size = 5): readonly unknown[] => [
  ...(text.match(new RegExp(`.{1,${size}}`, 'gsu')) ?? []).map((content) => chunk({ content })),
  chunk({}, 'stop'),
  DONE,
];

const ALL = FIRST + REST + LAST;
test.each<[string, string, object, readonly unknown[]]>([
  ['of chunks', '/v1/chat/completions', CHAT, chunks(ALL)],
  ['of a message', '/v1/messages', { model: 'claude-sonnet', max_tokens: 50, messages: [] }, messageEvents([ALL])],
  ['of a response', '/v1/responses', { model: 'gpt-4o', input: 'x' }, responseEvents([ALL])],
])('%s: the first sentence is there before the last was said', async (_what, path, body, events) => {
  await start();
  const goOn = inTwo(events);
  const coming = await ask({ ...body, stream: true }, path);
  await coming.until(FIRST.replace(NAME, '[X]'));
  expect(client.settled).toEqual([]);
  goOn();
  const text = await coming.end();
  expect(saidIn(text)).toBe(ALL.replaceAll(NAME, '[X]'));
  expect(text).not.toMatch(/Ada|Lovelace/);
  expect(client.settled).toMatchObject([{ outcome: 'forwarded', redaction: { ner: 'answered' } }]);
});

test('wherever the name is cut, nothing of it is said', async () => {
  await start();
  const text = `${FIRST}${REST}`;
  const at = text.indexOf(NAME);
  for (let cut = at; cut <= at + NAME.length; cut += 1) {
    provider.script = (_request, response) =>
      sendEvents(response, [
        ...[text.slice(0, cut), text.slice(cut)].map((content) => chunk({ content })),
        chunk({}, 'stop'),
        DONE,
      ]);
    expect([cut, saidIn(await (await ask()).end())]).toEqual([cut, text.replace(NAME, '[X]')]);
  }
});

test('texts that are said in turn are asked about each for itself, and each keeps its order', async () => {
  await start();
  const pieces = ALL.match(/.{1,7}/gsu) ?? [];
  const say = (index: number, delta: object, finish: string | null = null) => ({
    ...chunk({}),
    choices: [{ index, delta, finish_reason: finish }],
  });
  provider.script = (_request, response) =>
    sendEvents(response, [
      ...pieces.flatMap((content) => [say(0, { content }), say(0, { reasoning: content }), say(1, { content })]),
      say(0, {}, 'stop'),
      say(1, {}, 'stop'),
      DONE,
    ]);
  const text = await (await ask()).end();
  const said = { '0content': '', '0reasoning': '', '1content': '' };
  for (const [, data = ''] of text.matchAll(/^data: (\{.*\})$/gm)) {
    for (const { index, delta } of JSON.parse(data).choices)
      for (const [name, words] of Object.entries(delta)) said[`${index}${name}` as keyof typeof said] += words;
  }
  expect(new Set(Object.values(said))).toEqual(new Set([ALL.replaceAll(NAME, '[X]')]));
});

describe('when the service fails in the middle', () => {
  const failing: FakePresidio['script'] = (_question, answer) => {
    answer.writeHead(500).end();
    return true;
  };

  test('the stream ends there, with an error', async () => {
    await start();
    const goOn = inTwo(chunks(ALL));
    const coming = await ask();
    await coming.until(FIRST.replace(NAME, '[X]'));
    presidio.script = failing;
    goOn();
    const text = await coming.end();
    expect(text).toContain('could not be searched for names');
    expect(ALL.replace(NAME, '[X]').startsWith(saidIn(text))).toBe(true);
    expect(text).not.toMatch(/Ada|Lovelace|DONE/);
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed', redaction: { ner: 'failed' } }]);
  });

  test('it goes on by patterns where that is configured, and the record says so', async () => {
    await start({ failure: 'patterns' });
    const goOn = inTwo(chunks(`${ALL} 4111 1111 1111 1111`));
    const coming = await ask();
    await coming.until(FIRST.replace(NAME, '[X]'));
    presidio.script = failing;
    goOn();
    expect(saidIn(await coming.end())).toBe(`${ALL.replace(NAME, '[X]')} [X]`);
    expect(client.settled).toMatchObject([{ redaction: { layers: ['recognisers', 'secrets', 'ner'], ner: 'failed' } }]);
  });
});

test('what is stopped while the service is asked goes no further', async () => {
  await start();
  const goOn = inTwo(chunks(ALL));
  const coming = await ask();
  await coming.until(FIRST.replace(NAME, '[X]'));
  const isAsked = Promise.withResolvers<void>();
  const isOver = Promise.withResolvers<void>();
  presidio.script = async () => {
    isAsked.resolve();
    await isOver.promise;
    return false;
  };
  goOn();
  await isAsked.promise;
  client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  gateway.killEpoch('pdp-1', 1);
  const text = await coming.end();
  isOver.resolve();
  expect(text).toContain('KILL_SWITCH');
  expect(saidIn(text)).not.toContain('The last');
  while (client.settled.length === 0) await setImmediate();
  expect(client.settled).toMatchObject([{ redaction: { ner: 'answered' } }]);
});

test('what comes while the service thinks is asked about in one go', async () => {
  await start();
  const isAsked = Promise.withResolvers<void>();
  const isSent = Promise.withResolvers<void>();
  provider.script = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const all = chunks(ALL.repeat(20)).map(eventText);
    response.write(all.slice(0, 60).join(''));
    await isAsked.promise;
    response.write(all.slice(60).join(''), () => isSent.resolve());
    response.end();
  };
  presidio.script = async () => {
    isAsked.resolve();
    await isSent.promise;
    return false;
  };
  expect(saidIn(await (await ask()).end())).toBe(ALL.repeat(20).replaceAll(NAME, '[X]'));
  // 120 sentences.
  expect(presidio.asked.length).toBeLessThan(20);
});

describe('asked about as a whole, at its end', () => {
  test('is what may be JSON: it says something else than it looks like', async () => {
    await start();
    const json = JSON.stringify({ by: `Jos\u00e9 Müller. ${REST}`, to: 1 }).replaceAll(
      /[é-ü]/g,
      (one) => `\\u00${one.charCodeAt(0).toString(16)}`,
    );
    provider.script = (_request, response) => sendEvents(response, chunks(` ${json}`));
    expect(saidIn(await (await ask()).end())).toBe(` {"by":"[X]. ${REST}","to":1}`);
  });

  test('is an answer that is decided', async () => {
    await start({}, { obligations: [{ type: 'decide_output', value: true }] });
    provider.script = (_request, response) => sendEvents(response, chunks(ALL));
    expect(saidIn(await (await ask()).end())).toBe(ALL.replaceAll(NAME, '[X]'));
    expect(presidio.asked.map(({ text }) => text)).toEqual([ALL]);
  });
});
