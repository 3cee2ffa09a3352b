/**
 * All servers behind one endpoint: names begin with the server's, lists are one server's page after the other's, URIs and
 * tasks belong to the server that lists or named them. Everything is decided as at the server's own path, under the
 * server's and the tool's own names (ADR-0036).
 */

import type { JsonObject } from '@portcullis/policy/model';
import type { RpcRequest } from '../message.js';
import { type Era, methodRow } from '../methods.js';
import { unitedCapabilities } from './capabilities.js';
import { type FetchList, LISTS, NOT_KEPT, pageOfAll } from './pages.js';
import { type Route, type RouteParts, routeOf } from './routes.js';

/** Tells a client what servers can do. */
export const DISCOVER = 'server/discover';
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
/** How the endpoint calls itself. */
export const SELF = { name: 'portcullis', version: '1' };

/** What becomes of a request. */
export type CombinedAnswer = Route | { readonly kind: 'result'; readonly result: JsonObject };

/** What it needs; `servers` in the order of the configuration. */
export interface CombinedParts extends RouteParts {
  readonly era: Era;
  /** Brings lists as the agent may have them. */
  readonly fetch: FetchList;
}

/** What becomes of one request of the agent. Never rejects. */
export async function combine(message: RpcRequest, parts: CombinedParts): Promise<CombinedAnswer> {
  const { method, params } = message;
  // What the client's revision has not is refused before any server is asked for anything.
  if (methodRow(method, 'client_to_server', parts.era) === undefined) return { kind: 'unknown_method' };
  if (method === 'ping') return { kind: 'result', result: {} };
  if (method === DISCOVER) return { kind: 'result', result: await discover(parts) };
  const list = LISTS[method];
  if (list === undefined) return routeOf(message, parts);
  const result = await pageOfAll(list, method, params['cursor'], parts);
  return result === undefined
    ? { kind: 'invalid', message: 'params.cursor must be a nextCursor of this list' }
    : { kind: 'result', result };
}

/** What any server can do, of what is served here. */
async function discover({ servers, fetch }: CombinedParts): Promise<JsonObject> {
  const found = await Promise.all(servers.map((server) => fetch(server, DISCOVER, undefined)));
  const said = found.flatMap((one) => (one === undefined ? [] : [one['capabilities']]));
  return {
    ...NOT_KEPT,
    supportedVersions: ['2026-07-28'],
    capabilities: unitedCapabilities(said, 'modern'),
    _meta: { [SERVER_INFO]: SELF },
  };
}
