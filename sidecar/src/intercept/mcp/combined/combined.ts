/**
 * All servers behind one endpoint, for the stateless generation (2026-07-28): names begin with the server's, lists are one
 * server's page after the other's, and what a name says is where a call goes. Everything is decided as at the server's own
 * path, under the server's and the tool's own names.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject, type RpcRequest } from '../message.js';

/** Between the name of a server and that of a tool or prompt. */
const SEPARATOR = '__';

/** Whether names with this server's in front can be told apart: the first separator ends it. */
export function isCombinable(server: string): boolean {
  return !server.includes(SEPARATOR) && !server.endsWith('_');
}

/** The lists that are served, and the member of their results. */
const LISTS: Readonly<Record<string, string>> = { 'tools/list': 'tools', 'prompts/list': 'prompts' };
/** What is addressed by name. */
const NAMED: ReadonlySet<string> = new Set(['tools/call', 'prompts/get']);
const DISCOVER = 'server/discover';
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';

/** What a result of this revision has at least: not to be kept, because what one agent may see is nobody else's. */
const NOTHING = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };

/** What becomes of a request. */
export type CombinedAnswer =
  /** It goes to this server, as this. */
  | { readonly kind: 'forward'; readonly server: string; readonly name: string; readonly message: RpcRequest }
  | { readonly kind: 'result'; readonly result: JsonObject }
  | { readonly kind: 'unknown_method' }
  | { readonly kind: 'invalid'; readonly message: string };

/** What it needs. */
export interface CombinedParts {
  /** In the order of the configuration. */
  readonly servers: readonly string[];
  /** One request to one server, decided and enforced like the agent's own; what it brings, as the agent may have it. */
  fetch(server: string, method: string, cursor: string | undefined): Promise<JsonObject>;
  /** A server that could not be asked, or may not be; its part is empty. */
  readonly missing: (server: string, thrown: unknown) => void;
}

/** What becomes of one request of the agent. Rejects for defects only. */
export async function combine(message: RpcRequest, parts: CombinedParts): Promise<CombinedAnswer> {
  const { method, params } = message;
  if (method === DISCOVER) return { kind: 'result', result: await discover(parts) };
  const member = LISTS[method];
  if (member !== undefined) return page(method, member, params['cursor'], parts);
  return NAMED.has(method) ? route(message, parts.servers) : { kind: 'unknown_method' };
}

function route(message: RpcRequest, servers: readonly string[]): CombinedAnswer {
  const { params, value } = message;
  const { name } = params;
  const at = typeof name === 'string' ? name.indexOf(SEPARATOR) : -1;
  const server = typeof name === 'string' ? servers.find((one) => one === name.slice(0, at)) : undefined;
  if (typeof name !== 'string' || at < 0 || server === undefined)
    return { kind: 'invalid', message: 'params.name must be <server>__<name>, as the lists here say it' };
  const inner = name.slice(at + SEPARATOR.length);
  const own = { ...params, name: inner };
  return {
    kind: 'forward',
    server,
    name: inner,
    message: { ...message, params: own, value: { ...value, params: own } },
  };
}

async function page(
  method: string,
  member: string,
  cursor: Json | undefined,
  { servers, fetch, missing }: CombinedParts,
): Promise<CombinedAnswer> {
  const place = cursor === undefined ? { index: 0, inner: undefined } : readCursor(cursor, servers.length);
  const server = place === undefined ? undefined : servers[place.index];
  if (place === undefined || server === undefined)
    return { kind: 'invalid', message: 'params.cursor must be a nextCursor of this list' };
  let brought: JsonObject = NOTHING;
  try {
    brought = complete(await fetch(server, method, place.inner));
  } catch (thrown) {
    missing(server, thrown);
  }
  const { [member]: listed, nextCursor: inner } = brought;
  const elements = Array.isArray(listed) ? listed : [];
  const named = elements.map((element) => {
    const name = isObject(element) ? element['name'] : undefined;
    return isObject(element) && typeof name === 'string'
      ? { ...element, name: `${server}${SEPARATOR}${name}` }
      : element;
  });
  const next =
    typeof inner === 'string'
      ? writeCursor(place.index, inner)
      : place.index + 1 < servers.length
        ? writeCursor(place.index + 1, undefined)
        : undefined;
  const result = {
    ...NOTHING,
    ...keptFor(brought),
    [member]: named,
    ...(next === undefined ? {} : { nextCursor: next }),
  };
  return { kind: 'result', result };
}

/** What any server can do, of what is served here. */
async function discover({ servers, fetch, missing }: CombinedParts): Promise<JsonObject> {
  const found = await Promise.all(
    servers.map((server) =>
      fetch(server, DISCOVER, undefined)
        .then(complete)
        .catch((thrown: unknown) => {
          missing(server, thrown);
          return undefined;
        }),
    ),
  );
  const said = found.filter((one) => one !== undefined);
  const has = (capability: string): boolean =>
    said.some(({ capabilities }) => isObject(capabilities) && isObject(capabilities[capability]));
  return {
    ...NOTHING,
    supportedVersions: ['2026-07-28'],
    capabilities: { ...(has('tools') ? { tools: {} } : {}), ...(has('prompts') ? { prompts: {} } : {}) },
    _meta: { [SERVER_INFO]: { name: 'portcullis', version: '1' } },
  };
}

/** A result that asks the client for something would have to be decided, and answered by a request that nobody could route. */
function complete(result: JsonObject): JsonObject {
  const isComplete = (result['resultType'] ?? 'complete') === 'complete' && result['inputRequests'] === undefined;
  if (!isComplete) throw new TypeError('the server asks for input before it lists');
  return result;
}

/** Of everything else that a server says beside its list, only how long it may be kept. */
function keptFor({ ttlMs }: JsonObject): JsonObject {
  return typeof ttlMs === 'number' && ttlMs >= 0 ? { ttlMs } : {};
}

function writeCursor(index: number, inner: string | undefined): string {
  return Buffer.from(JSON.stringify(inner === undefined ? [index] : [index, inner])).toString('base64url');
}

function readCursor(
  cursor: Json,
  servers: number,
): { readonly index: number; readonly inner: string | undefined } | undefined {
  if (typeof cursor !== 'string') return undefined;
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [index, inner, ...more]: unknown[] = Array.isArray(read) ? read : [];
    const isPlace = typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < servers;
    if (!isPlace || more.length > 0 || (inner !== undefined && typeof inner !== 'string')) return undefined;
    return { index, inner };
  } catch {
    return undefined;
  }
}
