/** Values that OpenAI's APIs have in common. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { contentOf } from './content.js';
import type { ProposedCall, Usage } from './endpoint.js';
import { countOf, isObject, textOf } from './json-values.js';

/** The call in a `tool_calls` entry, or in `function_call`; nothing when it is none. */
export function callOf(entry: JsonObject): ProposedCall | undefined {
  const called = entry['function'] ?? entry['custom'] ?? entry;
  if (!isObject(called)) return undefined;
  const { name } = called;
  const args = called['arguments'] ?? called['input'] ?? '';
  if (typeof name !== 'string' || typeof args !== 'string') return undefined;
  // What a custom tool gets is text of any kind.
  return { id: textOf(entry['id']), name, arguments: entry['custom'] === undefined ? args : { input: args } };
}

/** The words of an entry that {@link callOf} leaves out. */
export function besideCall(entry: JsonObject): string {
  const { function: named, custom, ...rest } = entry;
  const called = named ?? custom ?? entry;
  if (!isObject(called)) return '';
  const { name: _name, arguments: args, ...others } = called;
  const { input: _input, ...without } = others;
  const unread = (args ?? undefined) === undefined ? without : others;
  if (called === entry) return contentOf(unread).query;
  return contentOf([{ ...rest, ...(called === custom ? {} : { custom: custom ?? null }) }, unread]).query;
}

/** Whether it is why an answer ended: a word of the protocol, and none of the model. */
export function isEnd(finish: Json | undefined): boolean {
  return finish === undefined || finish === null || (typeof finish === 'string' && /^[a-z0-9_]{1,64}$/i.test(finish));
}

/** Why an answer ended whose calls were all refused; a limit that ended it still did. */
export function finishWithoutCalls(finish: Json | undefined): Json {
  return finish === 'tool_calls' || finish === 'function_call' ? 'stop' : (finish ?? null);
}

/**
 * Usage as OpenAI's APIs report it; nothing when they do not.
 * @param silent what counts as said when nothing is said of the answer: 0 where nothing is generated
 */
export function usageOf(value: Json | undefined, silent?: 0): Usage | undefined {
  if (!isObject(value)) return undefined;
  const input = countOf(value['prompt_tokens'] ?? value['input_tokens']);
  const output = countOf(value['completion_tokens'] ?? value['output_tokens'] ?? silent);
  return input === undefined || output === undefined ? undefined : { input, output };
}
