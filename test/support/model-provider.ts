/**
 * A provider of models that speaks the OpenAI and Anthropic APIs in their exact wire shapes, records what it gets, and says
 * what a test tells it to.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that reached the provider. */
export interface ProviderCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly [name: string]: unknown };
}

/** What the model says. */
export interface Script {
  text: string;
  /** Calls of tools, by name and arguments. */
  calls: readonly (readonly [name: string, args: object])[];
  /** Tokens that are reported: of the request, and of the answer. */
  usage: readonly [input: number, output: number];
  /** The second half of a stream waits for it. */
  until?: Promise<void>;
}

/** The running provider. */
export interface ModelProvider {
  readonly url: string;
  readonly calls: ProviderCall[];
  script: Script;
  close(): Promise<void>;
}

const QUIET: Script = { text: 'Hello there, agent.', calls: [], usage: [11, 7] };

/** Starts it. */
export async function startModelProvider(): Promise<ModelProvider> {
  const calls: ProviderCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ProviderCall['body'];
      const path = request.url ?? '';
      calls.push({ path, headers: request.headers, body });
      answer(path, body, provider.script, response);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const provider: ModelProvider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    script: QUIET,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return provider;
}

function answer(path: string, body: ProviderCall['body'], script: Script, response: ServerResponse): void {
  const { stream_options: options } = body as { readonly stream_options?: { readonly include_usage?: boolean } };
  const send = (whole: object, streamed: readonly object[]): void =>
    body['stream'] === true ? void events(response, streamed, script.until) : json(response, whole);
  if (path.startsWith('/v1/messages/count_tokens')) json(response, { input_tokens: script.usage[0] });
  else if (path.startsWith('/v1/messages')) send(message(script), messageEvents(script));
  else if (path === '/v1/chat/completions') send(completion(script), chunks(script, options?.include_usage === true));
  else if (path === '/v1/responses') send(responseOf(script, items(script)), responseEvents(script));
  else if (path === '/v1/embeddings') json(response, embeddings(script));
  else response.writeHead(404).end();
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function events(response: ServerResponse, list: readonly object[], until?: Promise<void>): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const [at, one] of list.entries()) {
    if (at === Math.floor(list.length / 2)) await until;
    const { type } = one as { readonly type?: string };
    response.write(`${type === undefined ? '' : `event: ${type}\n`}data: ${JSON.stringify(one)}\n\n`);
  }
  response.end(list.some((one) => 'choices' in one) ? 'data: [DONE]\n\n' : '');
}

const pieces = (text: string): readonly string[] => text.match(/.{1,5}/gsu) ?? [];
const openaiUsage = ([input, output]: Script['usage']): object => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
});
const toolCalls = ({ calls }: Script) =>
  calls.map(([name, args], index) => ({
    id: `call_${index}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }));

function completion(script: Script): object {
  const calls = toolCalls(script);
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'model-1',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: script.text, ...(calls.length === 0 ? {} : { tool_calls: calls }) },
        logprobs: null,
        finish_reason: calls.length === 0 ? 'stop' : 'tool_calls',
      },
    ],
    usage: openaiUsage(script.usage),
  };
}

function chunks(script: Script, withUsage: boolean): readonly object[] {
  const base = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'model-1' };
  const chunk = (delta: object, finish: string | null = null): object => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(withUsage ? { usage: null } : {}),
  });
  const calls = toolCalls(script).flatMap(({ id, type, function: { name, arguments: args } }, index) => [
    chunk({ tool_calls: [{ index, id, type, function: { name, arguments: '' } }] }),
    ...pieces(args).map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ]);
  return [
    chunk({ role: 'assistant', content: '' }),
    ...pieces(script.text).map((content) => chunk({ content })),
    ...calls,
    chunk({}, calls.length === 0 ? 'stop' : 'tool_calls'),
    ...(withUsage ? [{ ...base, choices: [], usage: openaiUsage(script.usage) }] : []),
  ];
}

function embeddings({ usage: [input] }: Script): object {
  return {
    object: 'list',
    model: 'model-1',
    data: [
      { object: 'embedding', index: 0, embedding: Buffer.from(new Float32Array([0.5, 1]).buffer).toString('base64') },
    ],
    usage: { prompt_tokens: input, total_tokens: input },
  };
}

function items({ text, calls }: Script): readonly object[] {
  return [
    {
      id: 'msg_0',
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
    },
    ...calls.map(([name, args], index) => ({
      id: `fc_${index}`,
      type: 'function_call',
      call_id: `call_${index}`,
      name,
      arguments: JSON.stringify(args),
      status: 'completed',
    })),
  ];
}

function responseOf({ usage: [input, output] }: Script, list: readonly object[]): object {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    error: null,
    incomplete_details: null,
    model: 'model-1',
    output: list,
    parallel_tool_calls: true,
    tools: [],
    tool_choice: 'auto',
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + output,
    },
  };
}

function responseEvents(script: Script): readonly object[] {
  const list: object[] = [];
  const add = (type: string, more: object): void => {
    list.push({ type, sequence_number: list.length, ...more });
  };
  const begun = { ...responseOf(script, []), status: 'in_progress', usage: null };
  add('response.created', { response: begun });
  add('response.in_progress', { response: begun });
  for (const [output_index, item] of items(script).entries()) {
    const { id: item_id, type } = item as { readonly id: string; readonly type: string };
    if (type === 'message') {
      const place = { item_id, output_index, content_index: 0 };
      add('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', content: [] } });
      add('response.content_part.added', { ...place, part: { type: 'output_text', text: '', annotations: [] } });
      for (const delta of pieces(script.text)) add('response.output_text.delta', { ...place, delta, logprobs: [] });
      add('response.output_text.done', { ...place, text: script.text, logprobs: [] });
      add('response.content_part.done', {
        ...place,
        part: { type: 'output_text', text: script.text, annotations: [] },
      });
    } else {
      const { arguments: args } = item as { readonly arguments: string };
      add('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', arguments: '' } });
      for (const delta of pieces(args)) add('response.function_call_arguments.delta', { item_id, output_index, delta });
      add('response.function_call_arguments.done', { item_id, output_index, arguments: args });
    }
    add('response.output_item.done', { output_index, item });
  }
  add('response.completed', { response: responseOf(script, items(script)) });
  return list;
}

function message({ text, calls, usage: [input, output] }: Script): object {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'model-1',
    content: [
      { type: 'text', text, citations: null },
      ...calls.map(([name, args], index) => ({ type: 'tool_use', id: `toolu_${index}`, name, input: args })),
    ],
    stop_reason: calls.length === 0 ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: input, output_tokens: output, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}

function messageEvents(script: Script): readonly object[] {
  const { text, calls, usage } = script;
  const begun = { ...message({ ...script, usage: [usage[0], 1] }), content: [], stop_reason: null };
  const block = (index: number, content_block: object, deltas: readonly object[]): readonly object[] => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
  const words = pieces(text).map((piece) => ({ type: 'text_delta', text: piece }));
  return [
    { type: 'message_start', message: begun },
    ...block(0, { type: 'text', text: '' }, words),
    { type: 'ping' },
    ...calls.flatMap(([name, args], index) =>
      block(
        index + 1,
        { type: 'tool_use', id: `toolu_${index}`, name, input: {} },
        ['', ...pieces(JSON.stringify(args))].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
      ),
    ),
    {
      type: 'message_delta',
      delta: { stop_reason: calls.length === 0 ? 'end_turn' : 'tool_use', stop_sequence: null },
      usage: { output_tokens: usage[1] },
    },
    { type: 'message_stop' },
  ];
}
