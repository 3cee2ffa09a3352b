/** OpenAI: `POST /v1/embeddings`. */

import type { Json } from '@portcullis/policy/model';
import { type Reading, readAsked } from './asked.js';
import { contentOf } from './content.js';
import type { Endpoint } from './endpoint.js';
import { isObject, listOf } from './json-values.js';
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
  answer(value) {
    const list = listOf(value['data']);
    if (list === undefined) return undefined;
    const text = contentOf(list.map(besideNumbers)).query;
    return { text, calls: [], usage: usageOf(value['usage'], 0), replaced: () => value };
  },
};

/** What an element has beside its vector. */
function besideNumbers(element: Json): Json {
  if (!isObject(element)) return element;
  const { object, embedding, ...rest } = element;
  const isVector = typeof embedding !== 'object' || listOf(embedding)?.every((one) => typeof one === 'number') === true;
  const isNamed = object === undefined || object === 'embedding';
  return {
    ...rest,
    ...(isNamed ? {} : { object }),
    ...(isVector && typeof embedding !== 'string' ? {} : { embedding: embedding ?? null }),
  };
}
