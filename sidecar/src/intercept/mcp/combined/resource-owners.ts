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
   * @param listed brings lists as the servers give them, whoever leaves meanwhile: others wait for them, too
   */
  ownersOf(uri: string, servers: readonly string[], listed: FetchList): Promise<readonly string[]>;
  /** The same, by what is known. */
  known(uri: string): readonly string[];
  /** What was known of a server may have changed. */
  changed(server: string): void;
  /** Characters that are kept. */
  readonly size: number;
}

/** How long lists are believed, milliseconds. */
const MAX_AGE_MS = 60_000;
/** How long after a server was asked it is asked again: where its lists did not come, and for a URI that nobody claims; milliseconds. */
const RETRY_MS = 10_000;
const MIN_SPACING_MS = 1_000;
/** How long a server's lists are waited for from when it was asked, and how long it is asked for more of them; milliseconds. */
const LONGEST_MS = 5_000;
const LISTING_MS = 30_000;

/** What is known of one server's lists. */
interface Lists {
  claims: ResourceClaims;
  askedAt: number;
  /** When those were asked for that came whole. */
  wholeAt: number;
  /** Counts what may have changed. */
  changes: number;
  /** Whether they did not come when they were last asked for. */
  hasFailed: boolean;
  asking: Promise<void> | undefined;
  /** How long that is waited for. */
  awaitedUntil: number;
}

/** Nobody owns anything yet. */
export function createResourceOwners(clock: Pick<Clock, 'monotonic'>): ResourceOwners {
  const all = new Map<string, Lists>();

  function listsOf(server: string): Lists {
    const never = Number.NEGATIVE_INFINITY;
    const lists = all.get(server) ?? {
      claims: createResourceClaims(),
      askedAt: never,
      wholeAt: never,
      changes: 0,
      hasFailed: false,
      asking: undefined,
      awaitedUntil: never,
    };
    all.set(server, lists);
    return lists;
  }

  const known = (uri: string): readonly string[] =>
    [...all].filter(([, { claims }]) => claims.claims(uri)).map(([server]) => server);

  function isDue({ askedAt, wholeAt }: Lists, isKnown: boolean): boolean {
    const now = clock.monotonic();
    if (!isKnown && now - askedAt > MIN_SPACING_MS) return true;
    return now - wholeAt > MAX_AGE_MS && now - askedAt > RETRY_MS;
  }

  async function ask(server: string, lists: Lists, listed: FetchList): Promise<void> {
    const { changes } = lists;
    const startedAt = clock.monotonic();
    lists.askedAt = startedAt;
    lists.awaitedUntil = startedAt + LONGEST_MS;
    const found = createResourceClaims();
    const isTime = (): boolean => clock.monotonic() - startedAt < LISTING_MS;
    const areWhole = await Promise.all(
      CLAIM_METHODS.map((method) => allPages(server, method, listed, (page) => found.add(method, page), isTime)),
    );
    lists.hasFailed = !areWhole.every(Boolean);
    // Of a server that cannot be asked, what it claimed before: nobody else takes its resources over meanwhile.
    if (lists.hasFailed) return;
    lists.claims = found;
    if (lists.changes === changes) lists.wholeAt = startedAt;
  }

  return {
    known,
    get size() {
      return [...all.values()].reduce((sum, { claims }) => sum + claims.size, 0);
    },
    learn(server, method, result) {
      if (isClaimMethod(method)) listsOf(server).claims.add(method, result);
    },
    changed(server) {
      const lists = listsOf(server);
      lists.changes += 1;
      lists.askedAt = Number.NEGATIVE_INFINITY;
      lists.wholeAt = Number.NEGATIVE_INFINITY;
    },
    async ownersOf(uri, servers, listed) {
      const isKnown = known(uri).length > 0;
      const waits = servers.flatMap((server) => {
        const lists = listsOf(server);
        if (lists.asking === undefined && isDue(lists, isKnown)) {
          lists.asking = ask(server, lists, listed).finally(() => {
            lists.asking = undefined;
          });
        }
        // A server that says nothing holds nobody up for long, nor again: what it claimed before stands.
        const left = lists.awaitedUntil - clock.monotonic();
        const isAwaited = left > 0 && (!isKnown || !lists.hasFailed);
        return lists.asking !== undefined && isAwaited ? [within(lists.asking, left)] : [];
      });
      await Promise.all(waits);
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
