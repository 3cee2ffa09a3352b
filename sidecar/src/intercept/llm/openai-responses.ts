/** OpenAI: `POST /v1/responses`. */

import type { JsonObject } from '@portcullis/policy/model';
import { definitionsOf, nameOf, type Reading, readAsked, unacceptable, withLimit } from './asked.js';
import { createResponsesStream } from './deltas-openai-responses.js';
import type { Endpoint, OfferedTool, Unacceptable } from './endpoint.js';
import { textOf } from './json-values.js';
import { readResponse } from './openai-response.js';

/** Tools that the agent itself carries out, though the provider knows them by their type. */
const AGENT_TYPES: ReadonlySet<string> = new Set([
  'computer',
  'computer_use_preview',
  'local_shell',
  'shell',
  'apply_patch',
]);

const READING: Reading = {
  content: ['input', 'instructions', 'prompt', 'tools', 'text'],
  limits: ['max_output_tokens'],
  // A stored prompt may come without an input.
  required: [],
  tools: offeredTools,
};

/** The endpoint. */
export const RESPONSES: Endpoint = {
  api: 'openai',
  operation: 'responses',
  action: 'chat',
  read(body) {
    // Its answer would be fetched later, from an endpoint that is not here.
    if (body['background'] === true) return unacceptable('background', 'is not supported');
    return readAsked(body, READING);
  },
  prepared: (body, { model }) => ({ ...body, model }),
  limited: (body, maxTokens) => withLimit(body, READING, maxTokens, 'max_output_tokens'),
  said: 'output',
  answer: readResponse,
  stream: createResponsesStream,
};

function offeredTools(body: JsonObject): readonly OfferedTool[] | Unacceptable {
  const tools = definitionsOf(body, 'tools');
  if ('param' in tools) return tools;
  return tools.map((definition): OfferedTool => {
    const type = textOf(definition['type']);
    if (type === 'function' || type === 'custom') return { by: 'agent', name: nameOf(definition), definition };
    return { by: AGENT_TYPES.has(type) ? 'agent' : 'provider', name: type, definition };
  });
}
