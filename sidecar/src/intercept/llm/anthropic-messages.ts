/** Anthropic: `POST /v1/messages` and `POST /v1/messages/count_tokens`. */

import type { JsonObject } from '@portcullis/policy/model';
import { besideBlockCall, blockCall, messageUsage } from './anthropic-values.js';
import { definitionsOf, nameOf, type Reading, readAsked, unacceptable, withLimit } from './asked.js';
import { contentOf } from './content.js';
import { createMessageStream } from './deltas-anthropic.js';
import type { Answer, Endpoint, OfferedTool, Unacceptable } from './endpoint.js';
import { countOf, isObject, objectsOf, textOf } from './json-values.js';

/** Tools that the agent itself carries out, though the provider knows them by their type. */
const AGENT_TYPES = /^(custom|bash_[0-9]+|text_editor_[0-9]+|computer_[0-9]+|memory_[0-9]+)$/;

const READING: Reading = {
  content: ['messages', 'system', 'tools', 'mcp_servers', 'output_format', 'output_config'],
  limits: ['max_tokens'],
  required: ['messages'],
  tools: offeredTools,
};

/** The endpoint that answers. */
export const MESSAGES: Endpoint = {
  api: 'anthropic',
  operation: 'messages',
  action: 'chat',
  read(body) {
    if (body['max_tokens'] === undefined) return unacceptable('max_tokens', 'is missing');
    return readAsked(body, READING);
  },
  prepared: (body, { model }) => ({ ...body, model }),
  limited(body, maxTokens) {
    const { thinking } = body;
    const budget = isObject(thinking) ? countOf(thinking['budget_tokens']) : undefined;
    // The API wants it to be less than max_tokens.
    if (budget !== undefined && budget >= maxTokens) return undefined;
    return withLimit(body, READING, maxTokens, 'max_tokens');
  },
  said: 'content',
  answer: readAnswer,
  stream: createMessageStream,
};

/** The endpoint that counts. It generates nothing. */
export const COUNT_TOKENS: Endpoint = {
  api: 'anthropic',
  operation: 'messages.count_tokens',
  action: 'count_tokens',
  read: (body) => readAsked(body, { ...READING, limits: [] }),
  prepared: (body, { model }) => ({ ...body, model }),
  limited: (body) => body,
  said: 'content',
  answer: (value) =>
    countOf(value['input_tokens']) === undefined
      ? undefined
      : { text: '', calls: [], usage: { input: 0, output: 0 }, replaced: () => value },
};

function offeredTools(body: JsonObject): readonly OfferedTool[] | Unacceptable {
  const tools = definitionsOf(body, 'tools');
  if ('param' in tools) return tools;
  const servers = definitionsOf(body, 'mcp_servers');
  if ('param' in servers) return servers;
  return [
    ...tools.map((definition): OfferedTool => {
      const type = textOf(definition['type'] ?? 'custom');
      const name = nameOf(definition);
      if (AGENT_TYPES.test(type)) return { by: 'agent', name, definition };
      return { by: 'provider', name: name === '' ? type : name, definition };
    }),
    ...servers.map((definition): OfferedTool => ({ by: 'provider', name: 'mcp', definition })),
  ];
}

function readAnswer(value: JsonObject): Answer | undefined {
  const blocks = objectsOf(value['content']);
  if (blocks === undefined || value['type'] !== 'message') return undefined;
  const read = blocks.map((block) => ({ block, call: blockCall(block) }));
  const { input, output } = messageUsage(value['usage']);
  return {
    text: read
      .map(({ block, call }) => (call === undefined ? contentOf(block).query : besideBlockCall(block)))
      .filter((words) => words !== '')
      .join('\n'),
    calls: read.flatMap(({ call }) => (call === undefined ? [] : [call])),
    usage: input === undefined || output === undefined ? undefined : { input, output },
    replaced(refused) {
      const content = read.map(({ block, call }) => {
        const notice = call === undefined ? undefined : refused.get(call);
        return notice === undefined ? block : { type: 'text', text: notice };
      });
      const hasCalls = read.some(({ call }) => call !== undefined && !refused.has(call));
      const isOver = !hasCalls && value['stop_reason'] === 'tool_use';
      return { ...value, content, ...(isOver ? { stop_reason: 'end_turn' } : {}) };
    },
  };
}
