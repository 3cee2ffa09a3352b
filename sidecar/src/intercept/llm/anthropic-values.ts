/** Values of Anthropic's Messages API: which blocks are calls, and what a message has used. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { contentOf } from './content.js';
import type { ProposedCall, Usage } from './endpoint.js';
import { countOf, isObject, textOf } from './json-values.js';

/**
 * Blocks that are no call for the agent: words, and what the provider has done itself. Every other block is asked about as a
 * call, so that a kind which is new tomorrow is not carried out unasked.
 */
const NO_CALLS =
  /^(text|thinking|redacted_thinking|compaction|container_upload|fallback|server_tool_use|mcp_tool_use|[a-z_]+_tool_result)$/;

/** The call that a block is; nothing when it is none. */
export function blockCall(block: JsonObject): ProposedCall | undefined {
  const type = textOf(block['type']);
  if (NO_CALLS.test(type)) return undefined;
  const id = textOf(block['id']);
  if (type === 'tool_use') return { id, name: textOf(block['name']), arguments: block['input'] ?? {} };
  const { id: _id, type: _type, ...rest } = block;
  return { id, name: textOf(block['name']) || type, arguments: rest, isOfOtherKind: true };
}

/** The words of a block with a call that {@link blockCall} leaves out. */
export function besideBlockCall(block: JsonObject): string {
  const { id, type, name: _name, input: _input, ...rest } = block;
  const named = { ...(id === undefined ? {} : { id }), ...(type === undefined ? {} : { type }) };
  return contentOf(type === 'tool_use' ? { ...named, ...rest } : named).query;
}

/** What was used; nothing when the message does not say. Cached input is used as well. */
export function messageUsage(value: Json | undefined): Partial<Usage> {
  if (!isObject(value)) return {};
  const parts = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'].map((name) =>
    countOf(value[name] ?? 0),
  );
  const isCounted = countOf(value['input_tokens']) !== undefined && parts.every((part) => part !== undefined);
  const output = countOf(value['output_tokens']);
  return {
    ...(isCounted ? { input: parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) } : {}),
    ...(output === undefined ? {} : { output }),
  };
}
