/** What of an event of a stream goes on where its words are looked at: the members that somebody looks at, and no others. */

import type { JsonObject } from '@portcullis/policy/model';
import { isObject } from './json-values.js';

/** The same object with these members only; the very same one when it has no others. */
export function only(value: JsonObject, names: ReadonlySet<string>): JsonObject {
  const members = Object.entries(value);
  const known = members.filter(([name]) => names.has(name));
  return known.length === members.length ? value : Object.fromEntries(known);
}

const of = (...names: readonly string[]): ReadonlySet<string> => new Set(['type', ...names]);

/** Members of the events of Anthropic's Messages API (as of November 2026). */
const MESSAGE_EVENTS: Readonly<Record<string, ReadonlySet<string>>> = {
  message_start: of('message'),
  content_block_start: of('index', 'content_block'),
  content_block_delta: of('index', 'delta'),
  content_block_stop: of('index'),
  message_delta: of('delta', 'usage'),
  message_stop: of(),
  ping: of(),
};
const ENDS: ReadonlySet<string> = new Set(['stop_reason', 'stop_sequence']);

/** An event of Anthropic's with what is known of it. @param words of a delta, the member that has them; nothing for others */
export function bareMessageEvent(value: JsonObject, type: string, words: string | undefined): JsonObject {
  const event = only(value, MESSAGE_EVENTS[type] ?? of());
  const { delta } = event;
  if (!isObject(delta)) return event;
  const names = type === 'message_delta' ? ENDS : words === undefined ? undefined : of(words);
  const bare = names === undefined ? delta : only(delta, names);
  return bare === delta ? event : { ...event, delta: bare };
}

/** Members of an event of the Responses API with a piece of a text. */
const PIECE = of('sequence_number', 'item_id', 'output_index', 'content_index', 'summary_index', 'delta');
/** Of one about a call: where it is, and what it says of it. */
const PLACE = ['sequence_number', 'item_id', 'output_index'] as const;
const CALL_EVENTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['response.output_item.added', of(...PLACE, 'item')],
  ['response.output_item.done', of(...PLACE, 'item')],
  ['response.function_call_arguments.delta', of(...PLACE, 'delta')],
  ['response.function_call_arguments.done', of(...PLACE, 'arguments', 'name')],
  ['response.custom_tool_call_input.delta', of(...PLACE, 'delta')],
  ['response.custom_tool_call_input.done', of(...PLACE, 'input')],
]);
const OTHER_EVENT = of(...PLACE);
/** Of the one with the whole answer. */
const END = of('sequence_number', 'response');

/** An event of the Responses API with a piece of a text, with what is known of it. */
export function barePiece(value: JsonObject): JsonObject {
  return only(value, PIECE);
}

/** An event of the Responses API about a call, with what is known of it. */
export function bareCallEvent(value: JsonObject, type: string): JsonObject {
  return only(value, CALL_EVENTS.get(type) ?? OTHER_EVENT);
}

/** The last event of the Responses API with what is known of it. */
export function bareEnd(value: JsonObject): JsonObject {
  return only(value, END);
}
