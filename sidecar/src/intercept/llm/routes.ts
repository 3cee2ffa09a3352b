/** The paths that are served. Compared as they are: no decoding, no normalising. */

import type { Api } from './config.js';

/** What is done at an endpoint, as `tool.operation` names it. */
export const OPERATIONS = [
  'chat.completions',
  'responses',
  'embeddings',
  'messages',
  'messages.count_tokens',
  'models',
] as const;
/** See {@link OPERATIONS}. */
export type Operation = (typeof OPERATIONS)[number];

/** What a path means. */
export interface Route {
  readonly api: Api;
  readonly operation: Operation;
  /** From the path; otherwise the model's name tells. */
  readonly provider: string | undefined;
  /** Below the provider's base URL, the query included. */
  readonly path: string;
}

const OPENAI: Readonly<Record<string, Operation>> = {
  'POST /chat/completions': 'chat.completions',
  'POST /responses': 'responses',
  'POST /embeddings': 'embeddings',
  'GET /models': 'models',
};
const ANTHROPIC: Readonly<Record<string, Operation>> = {
  'POST /v1/messages': 'messages',
  // What the official client adds for features that are not final.
  'POST /v1/messages?beta=true': 'messages',
  'POST /v1/messages/count_tokens': 'messages.count_tokens',
  'POST /v1/messages/count_tokens?beta=true': 'messages.count_tokens',
  'GET /v1/models': 'models',
};
const NAMED = /^\/(openai|anthropic)\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})(\/.*)$/;

/** The API that a path belongs to, for the shape of errors; the header decides where both have the path. */
export function apiOf(url: string, headers: ReadonlyMap<string, string>): Api {
  const named = NAMED.exec(url)?.[1];
  if (named !== undefined) return named === 'anthropic' ? 'anthropic' : 'openai';
  return url.startsWith('/v1/messages') || headers.has('anthropic-version') ? 'anthropic' : 'openai';
}

/** What a request is for; `undefined` when there is no such endpoint. */
export function routeOf(method: string, url: string, headers: ReadonlyMap<string, string>): Route | undefined {
  const named = NAMED.exec(url);
  const provider = named?.[2];
  const api = apiOf(url, headers);
  const rest = named?.[3] ?? url;
  // Paging is not served: there is one page.
  const asked = method === 'GET' ? (rest.split('?', 1)[0] ?? '') : rest;
  if (api === 'anthropic') return found(ANTHROPIC, api, method, asked, provider);
  return asked.startsWith('/v1/') ? found(OPENAI, api, method, asked.slice('/v1'.length), provider) : undefined;
}

function found(
  table: Readonly<Record<string, Operation>>,
  api: Api,
  method: string,
  path: string,
  provider: string | undefined,
): Route | undefined {
  const key = `${method} ${path}`;
  const operation = Object.hasOwn(table, key) ? table[key] : undefined;
  return operation === undefined ? undefined : { api, operation, provider, path };
}

/** Every path below a provider of this kind that a permit may be asked for, without the list of models. */
export function forwardedPaths(api: Api): readonly string[] {
  return Object.entries(api === 'openai' ? OPENAI : ANTHROPIC)
    .filter(([, operation]) => operation !== 'models')
    .map(([key]) => key.slice('POST '.length));
}
