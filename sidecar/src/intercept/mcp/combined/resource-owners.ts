/**
 * Which server a resource is of. URIs are the servers' own and carry no name of theirs, so what counts is who lists a
 * URI, or a template that could make it: one server owns it; two do not, and nobody guesses between them.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import { isObject } from '../message.js';
import { allPages, type FetchList } from './pages.js';

/** Knows owners. */
export interface ResourceOwners {
  /** A page of a server's list went by. */
  learn(server: string, method: string, result: JsonObject): void;
  /**
   * The servers that claim a URI, or a template by its own text. Asks for the lists where it has to. Never rejects.
   * @param listed brings lists as the servers give them
   */
  ownersOf(uri: string, servers: readonly string[], listed: FetchList): Promise<readonly string[]>;
  /** The same, by what is known. */
  known(uri: string): readonly string[];
  /** What was known may have changed. */
  changed(): void;
}

/** The methods that list what is claimed, and the members of lists and elements that say it. */
const CLAIMS = {
  'resources/list': { member: 'resources', field: 'uri' },
  'resources/templates/list': { member: 'resourceTemplates', field: 'uriTemplate' },
} as const;
type ClaimMethod = keyof typeof CLAIMS;
const METHODS = Object.keys(CLAIMS) as readonly ClaimMethod[];

/** How long lists are believed, and how long after them a URI that nobody claims is looked for again; milliseconds. */
const MAX_AGE_MS = 60_000;
const MIN_SPACING_MS = 1_000;
/** How long they are waited for, milliseconds. */
const LONGEST_MS = 5_000;
/** Most claims that are kept of a server; one that has more claims everything. */
const MAX_CLAIMS = 20_000;

type Claims = Record<ClaimMethod, Set<string>>;

/** Nobody owns anything yet. */
export function createResourceOwners(clock: Pick<Clock, 'monotonic'>): ResourceOwners {
  const claims = new Map<string, Claims>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let isStale = true;
  let asking: Promise<void> | undefined;

  const none = (): Claims => ({ 'resources/list': new Set(), 'resources/templates/list': new Set() });
  const claimsUri = (of: Claims, uri: string): boolean =>
    of['resources/list'].size + of['resources/templates/list'].size > MAX_CLAIMS ||
    of['resources/list'].has(uri) ||
    [...of['resources/templates/list']].some((template) => template === uri || couldMake(template, uri));
  const known = (uri: string): readonly string[] =>
    [...claims].filter(([, of]) => claimsUri(of, uri)).map(([server]) => server);

  function add(to: Claims, method: ClaimMethod, result: JsonObject): void {
    const { member, field } = CLAIMS[method];
    const listed: Json | undefined = result[member];
    for (const element of Array.isArray(listed) ? listed : []) {
      const uri = isObject(element) ? element[field] : undefined;
      if (typeof uri === 'string' && to[method].size <= MAX_CLAIMS) to[method].add(uri);
    }
  }

  async function ask(servers: readonly string[], listed: FetchList): Promise<void> {
    isStale = false;
    askedAt = clock.monotonic();
    await Promise.all(
      servers.map(async (server) => {
        const found = none();
        const isWhole = await Promise.all(
          METHODS.map((method) => allPages(server, method, listed, (page) => add(found, method, page))),
        );
        // Of a server that cannot be asked, what it claimed before: nobody else takes its resources over meanwhile.
        if (isWhole.every(Boolean)) claims.set(server, found);
      }),
    );
  }

  return {
    known,
    learn(server, method, result) {
      if (!isClaim(method)) return;
      const of = claims.get(server) ?? none();
      add(of, method, result);
      claims.set(server, of);
    },
    changed() {
      isStale = true;
    },
    async ownersOf(uri, servers, listed) {
      const age = clock.monotonic() - askedAt;
      const isDue = isStale || age > MAX_AGE_MS || (known(uri).length === 0 && age > MIN_SPACING_MS);
      if (isDue) {
        asking ??= ask(servers, listed).finally(() => {
          asking = undefined;
        });
      }
      // A server that says nothing holds nobody up for long: what it claimed before stands.
      if (asking !== undefined) await within(asking, LONGEST_MS);
      return known(uri);
    },
  };
}

/** Resolves when it is over, or its time is. */
function within(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function isClaim(method: string): method is ClaimMethod {
  return Object.hasOwn(CLAIMS, method);
}

/**
 * Whether a URI template (RFC 6570) could make the URI. What an expression makes is not looked at, so it says yes too
 * often: a doubt is a collision, which is refused, and never a route.
 */
export function couldMake(template: string, uri: string): boolean {
  const literals = template.split(/\{[^{}]*\}/);
  const first = literals[0] ?? '';
  const last = literals.at(-1) ?? '';
  if (literals.length === 1) return template === uri;
  if (uri.length < first.length + last.length || !uri.startsWith(first) || !uri.endsWith(last)) return false;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = uri.indexOf(literal, at);
    if (found < 0 || found + literal.length > uri.length - last.length) return false;
    at = found + literal.length;
  }
  return true;
}
