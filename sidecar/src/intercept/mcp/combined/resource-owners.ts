/**
 * Which server a resource is of. URIs are the servers' own and carry no name of theirs, so what counts is who lists a
 * URI, or a template that could make it: one server owns it; two do not, and nobody guesses between them.
 */

import type { JsonObject } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import { allPages, type FetchList } from './pages.js';
import { CLAIM_METHODS, createResourceClaims, isClaimMethod, type ResourceClaims } from './resource-claims.js';

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

/** How long lists are believed, and how long after them a URI that nobody claims is looked for again; milliseconds. */
const MAX_AGE_MS = 60_000;
const MIN_SPACING_MS = 1_000;
/** How long they are waited for, milliseconds. */
const LONGEST_MS = 5_000;

/** Nobody owns anything yet. */
export function createResourceOwners(clock: Pick<Clock, 'monotonic'>): ResourceOwners {
  const claims = new Map<string, ResourceClaims>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let isStale = true;
  let asking: Promise<void> | undefined;

  const known = (uri: string): readonly string[] =>
    [...claims].filter(([, of]) => of.claims(uri)).map(([server]) => server);

  async function ask(servers: readonly string[], listed: FetchList): Promise<void> {
    isStale = false;
    askedAt = clock.monotonic();
    await Promise.all(
      servers.map(async (server) => {
        const found = createResourceClaims();
        const isWhole = await Promise.all(
          CLAIM_METHODS.map((method) => allPages(server, method, listed, (page) => found.add(method, page))),
        );
        // Of a server that cannot be asked, what it claimed before: nobody else takes its resources over meanwhile.
        if (isWhole.every(Boolean)) claims.set(server, found);
      }),
    );
  }

  return {
    known,
    learn(server, method, result) {
      if (!isClaimMethod(method)) return;
      const of = claims.get(server) ?? createResourceClaims();
      of.add(method, result);
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
