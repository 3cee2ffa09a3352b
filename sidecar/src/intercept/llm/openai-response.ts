/** A response of OpenAI's Responses API: its items, which of them are calls, and what stands in for a refused one. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { contentOf } from './content.js';
import type { Answer, ProposedCall } from './endpoint.js';
import { isObject, objectsOf, textOf } from './json-values.js';
import { usageOf } from './openai-values.js';

/**
 * Items that are no call for the agent: words, and what the provider has done itself. Every other item is asked about as a
 * call, so that a kind which is new tomorrow is not carried out unasked.
 */
const NO_CALLS: ReadonlySet<string> = new Set([
  'message',
  'reasoning',
  'compaction',
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'mcp_call',
  'mcp_list_tools',
  'mcp_approval_request',
  'function_call_output',
  'custom_tool_call_output',
  'tool_search_call',
  'tool_search_output',
]);

/** The call that an item is; nothing when it is none. */
export function itemCall(item: JsonObject): ProposedCall | undefined {
  const type = textOf(item['type']);
  if (NO_CALLS.has(type)) return undefined;
  const id = textOf(item['call_id'] ?? item['id']);
  if (type === 'function_call') return { id, name: textOf(item['name']), arguments: item['arguments'] ?? '' };
  if (type === 'custom_tool_call')
    return { id, name: textOf(item['name']), arguments: { input: textOf(item['input']) } };
  const { id: _id, call_id: _callId, status: _status, type: _type, ...rest } = item;
  return { id, name: textOf(item['name']) || type.replace(/_call$/, ''), arguments: rest, isOfOtherKind: true };
}

/** The words of an item with a call that {@link itemCall} leaves out. */
export function besideItemCall(item: JsonObject): string {
  const { type, input } = item;
  const decided =
    type === 'function_call'
      ? ['name', 'arguments']
      : type === 'custom_tool_call'
        ? ['name', ...(typeof input === 'string' ? ['input'] : [])]
        : Object.keys(item).filter((name) => !OF_ANY.has(name));
  return contentOf(Object.fromEntries(Object.entries(item).filter(([name]) => !decided.includes(name)))).query;
}
/** Members of every item. */
const OF_ANY: ReadonlySet<string> = new Set(['id', 'call_id', 'status', 'type']);

/** The message that stands in for a refused call. */
export function noticeItem(item: JsonObject, notice: string): JsonObject {
  return {
    id: item['id'] ?? 'msg_refused',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: notice, annotations: [] }],
  };
}

/** Reads a response; nothing when it is none. */
export function readResponse(value: JsonObject): Answer | undefined {
  const items = objectsOf(value['output']);
  if (items === undefined) return undefined;
  const read = items.map((item) => ({ item, call: itemCall(item) }));
  return {
    text: read
      .map(({ item, call }) => (call === undefined ? contentOf(item).query : besideItemCall(item)))
      .filter((words) => words !== '')
      .join('\n'),
    calls: read.flatMap(({ call }) => (call === undefined ? [] : [call])),
    usage: usageOf(value['usage']),
    replaced: (refused) => ({
      ...value,
      output: read.map(({ item, call }): Json => {
        const notice = call === undefined ? undefined : refused.get(call);
        return notice === undefined ? item : noticeItem(item, notice);
      }),
    }),
  };
}

/** The members of a response that an event carries. */
export function responseIn(event: JsonObject): JsonObject | undefined {
  const { response } = event;
  return isObject(response) ? response : undefined;
}
