/** Answers of every surface whose contents are read, as the bytes that an upstream sends: for tests of where these may be cut. */

import { redactingFilters } from '../intercept/llm/redacting.js';
import { createA2aHarness, STREAM } from './a2a-harness.js';
import type { FakePolicyClient } from './fake-policy-client.js';
import { startLlmHarness } from './llm-harness.js';
import { chunk, DONE, messageEvents, messageItem, responseOf } from './provider-wire.js';
import { startHarness, testRedactor } from './proxy-harness.js';
import { recordingUpstream } from './recording-upstream.js';
import { call, createStdioHarness } from './stdio-harness.js';

/** What answers with these bytes, one chunk after the other. */
export interface SplitSurface {
  /** Everything that the agent got for it. @param headers of the answer, besides its type; nothing over pipes */
  ask(chunks: readonly Buffer[], headers?: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

/** A text of an answer, and the message around it. */
export interface Said {
  readonly text: string;
  readonly frame: (text: string) => object;
}

/** How a surface says texts. */
export interface SplitWire {
  /** What is sent: messages, or text as it is. */
  frames(texts: readonly string[]): readonly (Said | object | string)[];
  /** A message as it is sent. */
  event(message: object, json: string): string;
  /** The text in an event, nothing when it says none. */
  textOf(event: never): string | undefined;
  start(client: FakePolicyClient): Promise<SplitSurface>;
  /** Whether several texts are one after the other, so that a value may be cut by messages too. */
  readonly isStream: boolean;
  /** Most texts of one answer: the longest has to be within what a surface reads at once. */
  readonly most: number;
}

/** In a turn of its own each, so that they arrive as they are cut. */
async function sendChunks(write: (part: Buffer) => void, chunks: readonly Buffer[]): Promise<void> {
  for (const part of chunks) {
    write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function llm(path: string, body: object): SplitWire['start'] {
  return async (client) => {
    let chunks: readonly Buffer[] = [];
    let more: Readonly<Record<string, string>> = {};
    const provider = await recordingUpstream(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...more });
      await sendChunks((part) => response.write(part), chunks);
      response.end();
    });
    const gateway = await startLlmHarness({
      client,
      url: provider.url,
      filters: redactingFilters(testRedactor(), 'acme'),
    });
    return {
      async ask(given, headers = {}) {
        chunks = given;
        more = headers;
        return (await gateway.send({ path, body: { ...body, stream: true } })).text;
      },
      async close() {
        await gateway.close();
        await provider.close();
      },
    };
  };
}

const USER = [{ role: 'user', content: 'hello' }];
const plainEvent: SplitWire['event'] = (_message, json) => `data: ${json}\n\n`;
const typedEvent: SplitWire['event'] = (message, json) =>
  `event: ${(message as { readonly type?: string }).type}\n${plainEvent(message, json)}`;
const asItIs: SplitWire['event'] = (_message, json) => json;
const MANY = 1_000;

function responses(texts: readonly string[]): readonly (Said | object)[] {
  const whole = texts.join('');
  const place = { item_id: 'i', output_index: 0, content_index: 0 };
  const item = messageItem('i', whole);
  return [
    { type: 'response.created', response: { ...responseOf([]), status: 'in_progress' } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, content: [] } },
    { type: 'response.content_part.added', ...place, part: { type: 'output_text', text: '', annotations: [] } },
    ...texts.map((text) => ({
      text,
      frame: (delta: string) => ({ type: 'response.output_text.delta', ...place, delta }),
    })),
    { type: 'response.output_text.done', ...place, text: whole },
    { type: 'response.content_part.done', ...place, part: { type: 'output_text', text: whole, annotations: [] } },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: responseOf([item]) },
  ];
}

function artifact(text: string): object {
  const parts = [{ kind: 'text', text }];
  const update = { kind: 'artifact-update', taskId: 't', contextId: 'c', artifact: { artifactId: 'a', parts } };
  return { jsonrpc: '2.0', id: 1, result: { ...update, append: true } };
}

/** One result with all texts in it: in place of each stands what its own frame says, as everywhere. */
function result(texts: readonly string[]): readonly (Said | string)[] {
  return [
    '{"jsonrpc":"2.0","id":1,"result":{"content":[',
    ...texts.flatMap((text, at) => [
      ...(at === 0 ? [] : [',']),
      { text, frame: (said: string) => ({ type: 'text', text: said }) },
    ]),
    ']}}',
  ];
}

/** The surfaces, by name. */
export const SPLIT_WIRES: Readonly<Record<string, SplitWire>> = {
  'chat completions': {
    frames: (texts) => [
      chunk({ role: 'assistant', content: '' }),
      ...texts.map((text) => ({ text, frame: (content: string) => chunk({ content }) })),
      chunk({}, 'stop'),
      DONE,
    ],
    event: plainEvent,
    textOf: (event: { choices?: { delta?: { content?: string } }[] }) => event.choices?.[0]?.delta?.content,
    start: llm('/v1/chat/completions', { model: 'gpt-4o', messages: USER }),
    isStream: true,
    most: MANY,
  },
  messages: {
    frames(texts) {
      const [begin = {}, start = {}, ...rest] = messageEvents(['']);
      const says = (text: string): object => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text },
      });
      return [begin, start, ...texts.map((text) => ({ text, frame: says })), ...rest];
    },
    event: typedEvent,
    textOf: (event: { delta?: { text?: string } }) => event.delta?.text,
    start: llm('/v1/messages', { model: 'claude-sonnet', max_tokens: 1_000_000, messages: USER }),
    isStream: true,
    most: MANY,
  },
  responses: {
    frames: responses,
    event: typedEvent,
    textOf: (event: { delta?: string }) => event.delta,
    start: llm('/v1/responses', { model: 'gpt-4o', input: 'x' }),
    isStream: true,
    most: MANY,
  },
  a2a: {
    frames: (texts) => [
      ...texts.map((text) => ({ text, frame: artifact })),
      {
        jsonrpc: '2.0',
        id: 1,
        result: { kind: 'status-update', taskId: 't', contextId: 'c', final: true, status: { state: 'completed' } },
      },
    ],
    event: plainEvent,
    textOf: (event: { result?: { artifact?: { parts: { text: string }[] } } }) =>
      event.result?.artifact?.parts.map(({ text }) => text).join(''),
    async start(policy) {
      let chunks: readonly Buffer[] = [];
      let more: Readonly<Record<string, string>> = {};
      const { started, close } = createA2aHarness();
      const { send } = await started({
        policy,
        answer(response) {
          response.writeHead(200, { 'content-type': 'text/event-stream', ...more });
          void sendChunks((part) => response.write(part), chunks).then(() => response.end());
        },
      });
      return {
        async ask(given, headers = {}) {
          chunks = given;
          more = headers;
          return (await send(STREAM)).text;
        },
        close,
      };
    },
    isStream: true,
    most: MANY,
  },
  mcp: {
    frames: (texts) => ['id: 7\ndata: ', ...result(texts), '\n\n'],
    event: asItIs,
    textOf: () => undefined,
    async start(client) {
      let chunks: readonly Buffer[] = [];
      let more: Readonly<Record<string, string>> = {};
      const upstream = await recordingUpstream(async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', ...more });
        await sendChunks((part) => response.write(part), chunks);
        response.end();
      });
      const harness = await startHarness({ client, upstreamUrl: upstream.url });
      return {
        async ask(given, headers = {}) {
          chunks = given;
          more = headers;
          return (await harness.post(call(1))).text;
        },
        async close() {
          await harness.close();
          await upstream.close();
        },
      };
    },
    isStream: false,
    most: MANY,
  },
  stdio: {
    frames: (texts) => [...result(texts), '\n'],
    event: asItIs,
    textOf: () => undefined,
    async start(client) {
      const { wrap, close } = createStdioHarness();
      const server = `require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
        for (const part of JSON.parse(line).params.arguments.parts ?? []) {
          process.stdout.write(Buffer.from(part, 'base64'));
          await new Promise((resolve) => setImmediate(resolve));
        }
      });`;
      const wrapped = await wrap({ server });
      wrapped.client.behaviour = (request) => client.behaviour(request);
      return {
        async ask(chunks) {
          wrapped.say(call(1, { parts: chunks.map((part) => part.toString('base64')) }));
          await wrapped.next();
          return `${wrapped.spoken.at(-1) ?? ''}\n`;
        },
        close,
      };
    },
    isStream: false,
    most: 40,
  },
};
