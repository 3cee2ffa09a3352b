import { COUNT_TOKENS, MESSAGES } from './anthropic-messages.js';
import type { Endpoint } from './endpoint.js';
import { CHAT_COMPLETIONS } from './openai-chat.js';
import { EMBEDDINGS } from './openai-embeddings.js';
import { RESPONSES } from './openai-responses.js';
import type { Operation } from './routes.js';

/** Every endpoint that forwards; the list of models is answered here. */
export const ENDPOINTS: Readonly<Record<Exclude<Operation, 'models'>, Endpoint>> = {
  'chat.completions': CHAT_COMPLETIONS,
  responses: RESPONSES,
  embeddings: EMBEDDINGS,
  messages: MESSAGES,
  'messages.count_tokens': COUNT_TOKENS,
};
