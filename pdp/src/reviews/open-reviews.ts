/** The reviews of a PDP, put together: they are kept where approvals are. */

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Task, TlsMaterial } from '@portcullis/runtime';
import type { ApprovalsConfig } from '../approvals/approvals-config.js';
import { redisTls } from '../redis/redis-tls.js';
import { createLocalReviews } from './local-reviews.js';
import { createRedisReviews } from './redis-reviews.js';
import { openReviewJournal } from './review-journal.js';
import type { ReviewCaps } from './review-store.js';
import { createReviews, type ReviewParts, type Reviews } from './reviews.js';
import type { ReviewsConfig } from './reviews-config.js';
import { createSpooledReviews } from './spooled-reviews.js';

/** What opening needs besides the configuration. */
export interface OpenReviewsParts extends Omit<ReviewParts, 'store' | 'handOver' | 'pause'> {
  readonly dataDir: string;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
}

/** The reviews, open. */
export interface OpenedReviews extends Reviews {
  /** Looks for what others left. */
  readonly lookout: Task;
}

const LOOK_EVERY_MS = 5_000;
/** Of what no decision waits for: lists are long, and steps are done after the answer. */
const TIMEOUT_MS = 1_000;

/**
 * Opens them; a Redis that is not there is not waited for.
 * @throws PortcullisError `ERR_REVIEW_STATE` when the journal cannot be believed
 */
export async function openReviews(
  config: ReviewsConfig,
  approvals: Pick<ApprovalsConfig, 'store' | 'webhooks'>,
  parts: OpenReviewsParts,
): Promise<OpenedReviews> {
  const { log, clock } = parts;
  const journal = await openReviewJournal(join(parts.dataDir, 'reviews'));
  const webhooks = approvals.webhooks.filter(({ events }) => events.includes('review')).map(({ name }) => name);
  const caps: ReviewCaps = { maxOpen: config.maxOpen, maxClosed: config.maxClosed, webhooks };
  const pause = (ms: number, signal: AbortSignal): Promise<void> =>
    delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
  const opened = (kept: Pick<ReviewParts, 'store' | 'handOver'>): OpenedReviews => {
    const reviews = createReviews({ ...parts, ...kept, pause });
    const run = async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        await reviews.look();
        await pause(LOOK_EVERY_MS, signal);
      }
    };
    return { ...reviews, lookout: { name: 'look for reviews that are left', run } };
  };
  if (approvals.store.type === 'memory') {
    const store = createLocalReviews(journal, caps, clock);
    return opened({ store, handOver: async () => undefined });
  }
  const { url, prefix, timeoutMs: keepTimeoutMs } = approvals.store;
  const tls = approvals.store.tls ? { tls: redisTls(parts.tls, url) } : {};
  const shared = createRedisReviews({ url, ...tls, prefix: `${prefix}:reviews`, timeoutMs: TIMEOUT_MS, log }, caps);
  const store = createSpooledReviews(shared, journal, { maxHeld: config.maxOpen, keepTimeoutMs, log });
  return opened({ store, handOver: store.handOver });
}
