/** Lists of several servers, one server's pages after the other's. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../message.js';
import type { Era } from '../methods.js';
import { combinedName } from './names.js';

/** A list that is served: the member of its results, and whether its elements have names that are the server's own. */
interface List {
  readonly member: string;
  readonly isNamed: boolean;
}

/** The lists that are served. */
export const LISTS: Readonly<Record<string, List>> = {
  'tools/list': { member: 'tools', isNamed: true },
  'prompts/list': { member: 'prompts', isNamed: true },
  'resources/list': { member: 'resources', isNamed: false },
  'resources/templates/list': { member: 'resourceTemplates', isNamed: false },
  'tasks/list': { member: 'tasks', isNamed: false },
};

/** What a result of 2026-07-28 has at least: not to be kept, because what one agent may see is nobody else's. */
export const NOT_KEPT = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
/** Most pages that are asked for at once. */
const MAX_PAGES = 100;

/**
 * One page of a list of one server, decided and enforced like the agent's own request. Nothing where the server cannot be asked, or may not be: that has been told. Never rejects.
 */
export type FetchList = (server: string, method: string, cursor: string | undefined) => Promise<JsonObject | undefined>;

/** Every page of one server. Whether it has ended. @param isTime whether there is time for another */
export async function allPages(
  server: string,
  method: string,
  fetch: FetchList,
  visit: (page: JsonObject) => void,
  isTime: () => boolean,
): Promise<boolean> {
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && isTime(); pages += 1) {
    const page = await fetch(server, method, cursor);
    if (page === undefined) return false;
    visit(page);
    const { nextCursor } = page;
    if (typeof nextCursor !== 'string') return true;
    cursor = nextCursor;
  }
  return false;
}

/** The page of all servers' lists that a cursor of ours names; nothing where it names none. */
export async function pageOfAll(
  { member, isNamed }: List,
  method: string,
  cursor: Json | undefined,
  { servers, era, fetch }: { readonly servers: readonly string[]; readonly era: Era; readonly fetch: FetchList },
): Promise<JsonObject | undefined> {
  const place = cursor === undefined ? { index: 0, inner: undefined } : readCursor(cursor, servers.length);
  const server = place === undefined ? undefined : servers[place.index];
  if (place === undefined || server === undefined) return undefined;
  const brought = (await fetch(server, method, place.inner)) ?? {};
  const { [member]: listed, nextCursor: inner } = brought;
  const elements = (Array.isArray(listed) ? listed : []).map((element) => {
    const name = isNamed && isObject(element) ? element['name'] : undefined;
    return isObject(element) && typeof name === 'string' ? { ...element, name: combinedName(server, name) } : element;
  });
  const next =
    typeof inner === 'string'
      ? writeCursor(place.index, inner)
      : place.index + 1 < servers.length
        ? writeCursor(place.index + 1, undefined)
        : undefined;
  return {
    ...(era === 'modern' ? { ...NOT_KEPT, ...keptFor(brought) } : {}),
    [member]: elements,
    ...(next === undefined ? {} : { nextCursor: next }),
  };
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
