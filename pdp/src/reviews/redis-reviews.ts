/** Reviews in Redis, shared by every PDP that is given the same one (ADR-0037). */

import { LOG_FIELD, PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';
import type { RedisReach } from '../redis/redis-connection.js';
import { openRedisScripts } from '../redis/redis-scripts.js';
import * as scripts from './redis-review-scripts.js';
import { type Review, reviewShape } from './review.js';
import { CLOSINGS, RECORD_STEP, type ReviewCaps, type ReviewStore, tellStep, toldBy } from './review-store.js';

/** Read at once, so that no script holds up the server for long. */
const PAGE = 200;
/** Begins the fields of steps that are done. */
const DONE = 'd:';

/** Connects in the background; until there is a connection, and whenever there is none, every operation rejects at once. */
export function createRedisReviews(reach: RedisReach, caps: ReviewCaps): ReviewStore {
  const { evaluate, prefix, disconnect } = openRedisScripts(reach, 'Review store');
  const shape = reviewShape();
  const steps = caps.webhooks.map(tellStep);
  /** Runs a script and reads its answer; whatever goes wrong is one fault. */
  const run = async <T>(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    read: (answer: unknown) => T,
  ): Promise<T> => {
    try {
      return read(await evaluate(script, keys, args));
    } catch (cause) {
      reach.log.debug({ [LOG_FIELD.error]: cause }, 'Review store failed');
      throw new PortcullisError('ERR_REVIEW_STORE', 'unavailable', 'the review store does not answer', { cause });
    }
  };
  const done = z.literal(1);
  const reviewOf = (fields: unknown): Review | undefined => {
    const hash = hashOf(fields);
    const doc = hash.get('doc');
    if (doc === undefined) return undefined;
    const closed = hash.get('closed');
    const steps = [...hash.keys()].flatMap((name) => (name.startsWith(DONE) ? [name.slice(DONE.length)] : []));
    return shape.parse({
      ...(JSON.parse(doc) as object),
      ...(closed === undefined ? {} : { closed: JSON.parse(closed) as unknown }),
      recorded: steps.includes(RECORD_STEP),
      told: steps.flatMap((step) => toldBy(step) ?? []),
    });
  };

  return {
    keep: (review) =>
      run(
        scripts.KEEP,
        [`r:${review.id}`, 'busy', `w:${RECORD_STEP}`],
        [review.id, JSON.stringify(review), caps.maxOpen],
        (answer) => z.union([z.literal(0), done]).parse(answer) === 1,
      ),
    find: (id) => run(scripts.FIND, [`r:${id}`], [], reviewOf),
    list: async (closed) => {
      const ids = await run(scripts.IDS, ['busy', 'over'], [closed ? 1 : 0], (answer) =>
        z.array(z.string()).parse(answer),
      );
      const found: Review[] = [];
      for (let at = 0; at < ids.length; at += PAGE) {
        const keys = ids.slice(at, at + PAGE).map((id) => `r:${id}`);
        const page = await run(scripts.FIND_ALL, keys, [], (answer) =>
          z.array(z.unknown()).parse(answer).map(reviewOf),
        );
        for (const one of page) if (one !== undefined && (closed || one.closed === undefined)) found.push(one);
      }
      return found.toSorted((a, b) =>
        a.opened_at === b.opened_at ? (a.id < b.id ? 1 : -1) : a.opened_at < b.opened_at ? 1 : -1,
      );
    },
    close: (id, closing) =>
      run(scripts.CLOSE, [`r:${id}`], [prefix, id, caps.maxClosed, JSON.stringify(closing), ...steps], (answer) =>
        z.enum(CLOSINGS).parse(answer),
      ),
    claim: (step, leaseMs) => run(scripts.CLAIM, [`w:${step}`], [prefix, leaseMs], reviewOf),
    lease: async (step, id, leaseMs) => void (await run(scripts.LEASE, [`w:${step}`], [id, leaseMs], done.parse)),
    done: async (step, id) =>
      void (await run(
        scripts.DONE,
        [`r:${id}`, `w:${step}`],
        [prefix, id, caps.maxClosed, step, ...steps],
        done.parse,
      )),
    stop: async () => disconnect(),
  };
}

function hashOf(fields: unknown): ReadonlyMap<string, string> {
  const list = z.array(z.string()).parse(fields);
  const hash = new Map<string, string>();
  for (let i = 0; i + 1 < list.length; i += 2) hash.set(list[i] ?? '', list[i + 1] ?? '');
  return hash;
}
