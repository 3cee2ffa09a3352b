/** OpenAI: `POST /v1/embeddings`. */

import { type Reading, readAsked } from './asked.js';
import type { Endpoint } from './endpoint.js';
import { listOf } from './json-values.js';
import { usageOf } from './openai-values.js';

const READING: Reading = { content: ['input'], limits: [], required: ['input'], tools: () => [] };

/** The endpoint. It generates nothing, so there is nothing to limit. */
export const EMBEDDINGS: Endpoint = {
  api: 'openai',
  operation: 'embeddings',
  action: 'embed',
  read: (body) => readAsked(body, READING),
  prepared: (body, { model }) => ({ ...body, model }),
  limited: (body) => body,
  said: 'data',
  answer: (value) =>
    listOf(value['data']) === undefined
      ? undefined
      : { text: '', calls: [], usage: usageOf(value['usage'], 0), replaced: () => value },
};
