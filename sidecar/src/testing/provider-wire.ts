/** What providers send, in their exact shapes, for tests. */

import type { ServerResponse } from 'node:http';

/** Sends events as `text/event-stream`; strings are sent as they are. */
export function sendEvents(response: ServerResponse, events: readonly unknown[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const one of events) response.write(eventText(one));
  response.end();
}

/** One event: of Anthropic and of the Responses API with its type, of chat completions without. */
export function eventText(one: unknown): string {
  if (typeof one === 'string') return one;
  const { type } = one as { readonly type?: string };
  return `${type === undefined ? '' : `event: ${type}\n`}data: ${JSON.stringify(one)}\n\n`;
}

/** The end of a stream of chat completions. */
export const DONE = 'data: [DONE]\n\n';

const CHUNK = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o-2024' } as const;

/** A chunk of a chat completion. */
export function chunk(delta: object, finish: string | null = null, more: object = {}): object {
  return { ...CHUNK, choices: [{ index: 0, delta, finish_reason: finish }], usage: null, ...more };
}

/** The chunk that `include_usage` adds. */
export function usageChunk(input: number, output: number): object {
  return {
    ...CHUNK,
    choices: [],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  };
}

/** A chat completion that says `content` and proposes calls. */
export function chatCompletion(content: string | null, calls: readonly (readonly [string, string])[] = []): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o-2024',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content,
          ...(calls.length === 0
            ? {}
            : {
                tool_calls: calls.map(([name, args], at) => ({
                  id: `call_${at}`,
                  type: 'function',
                  function: { name, arguments: args },
                })),
              }),
        },
        finish_reason: calls.length === 0 ? 'stop' : 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  };
}

/** A message of Anthropic's. */
export function message(content: readonly object[], stop = 'end_turn'): object {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-1',
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage: { input_tokens: 11, output_tokens: 7, cache_read_input_tokens: 2 },
  };
}

/** The events of a message with these blocks: a text, or a call by name and pieces of its arguments. */
export function messageEvents(
  blocks: readonly (string | { readonly name: string; readonly pieces: readonly string[] })[],
  stop = 'end_turn',
): readonly object[] {
  const events: object[] = [
    {
      type: 'message_start',
      message: { ...message([]), stop_reason: null, usage: { input_tokens: 11, output_tokens: 1 } },
    },
  ];
  for (const [index, block] of blocks.entries()) {
    if (typeof block === 'string') {
      events.push({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } });
      for (const piece of block.match(/.{1,4}/gsu) ?? [])
        events.push({ type: 'content_block_delta', index, delta: { type: 'text_delta', text: piece } });
    } else {
      const call = { type: 'tool_use', id: `toolu_${index}`, name: block.name, input: {} };
      events.push({ type: 'content_block_start', index, content_block: call });
      for (const partial_json of block.pieces)
        events.push({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } });
    }
    events.push({ type: 'content_block_stop', index });
  }
  events.push({
    type: 'message_delta',
    delta: { stop_reason: stop, stop_sequence: null },
    usage: { output_tokens: 7 },
  });
  return [...events, { type: 'message_stop' }];
}

/** The events of a response of the Responses API with these items. */
export function responseEvents(
  items: readonly (string | { readonly name: string; readonly args: string })[],
): readonly object[] {
  const events: object[] = [];
  const add = (type: string, more: object): void => {
    events.push({ type, ...more, sequence_number: events.length });
  };
  const base = { id: 'resp_1', object: 'response', created_at: 1, model: 'gpt-4o', status: 'in_progress', output: [] };
  add('response.created', { response: base });
  const output: object[] = [];
  for (const [output_index, item] of items.entries()) {
    const id = `item_${output_index}`;
    if (typeof item === 'string') {
      const whole = messageItem(id, item);
      output.push(whole);
      add('response.output_item.added', { output_index, item: { ...whole, status: 'in_progress', content: [] } });
      const place = { item_id: id, output_index, content_index: 0 };
      add('response.content_part.added', { ...place, part: { type: 'output_text', text: '', annotations: [] } });
      for (const delta of item.match(/.{1,4}/gsu) ?? []) add('response.output_text.delta', { ...place, delta });
      add('response.output_text.done', { ...place, text: item });
      add('response.content_part.done', { ...place, part: { type: 'output_text', text: item, annotations: [] } });
      add('response.output_item.done', { output_index, item: whole });
    } else {
      const call = { id, type: 'function_call', call_id: `call_${output_index}`, name: item.name, status: 'completed' };
      output.push({ ...call, arguments: item.args });
      add('response.output_item.added', { output_index, item: { ...call, status: 'in_progress', arguments: '' } });
      for (const delta of item.args.match(/.{1,4}/gsu) ?? [])
        add('response.function_call_arguments.delta', { item_id: id, output_index, delta });
      add('response.function_call_arguments.done', { item_id: id, output_index, arguments: item.args });
      add('response.output_item.done', { output_index, item: { ...call, arguments: item.args } });
    }
  }
  add('response.completed', { response: { ...responseOf(output), output } });
  return events;
}

/** A whole response with these items. */
export function responseOf(output: readonly object[]): object {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'gpt-4o',
    status: 'completed',
    output,
    usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
  };
}

/** A message as an item of a response. */
export function messageItem(id: string, text: string): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text, annotations: [] }],
  };
}
