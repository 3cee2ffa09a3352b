/**
 * Delivery of notices, beside decisions and never in their way: a bounded queue per webhook, one delivery at a time,
 * repeated with growing pauses, and a breaker so that a dead receiver is left alone. With a journal those that are not delivered at the
 * end are delivered by the next process.
 */

import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Notice } from './book.js';
import type { NoticeJournal, WaitingNotice } from './notice-journal.js';
import { type Delivery, deliveryOf, type Webhook } from './webhook.js';

/** What becomes of a notice; closed list, labels of a metric. */
export const NOTICE_OUTCOMES = ['delivered', 'retried', 'failed', 'dropped'] as const;
/** What became of a notice. */
export type NoticeOutcome = (typeof NOTICE_OUTCOMES)[number];

/** What deliveries are made of. */
export interface NoticeParts {
  readonly webhooks: readonly Webhook[];
  readonly post: (webhook: Webhook, delivery: Delivery, nowMs: number) => Promise<void>;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly newId: () => string;
  /** Without one they end with the process. */
  readonly journal?: NoticeJournal;
  readonly observer: { notice(outcome: NoticeOutcome): void };
  readonly log: Logger;
}

/** The notices under way. */
export interface Notices {
  /** At once; never throws. Where there is no room in the queue, the oldest is dropped and counted. */
  tell(notice: Notice): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Gives up what is not delivered yet, or leaves it to the journal. */
  close(): Promise<void>;
}

/** Delivers, as often as it takes; what came of it in the end. */
export type Deliver = (delivery: Delivery) => Promise<'delivered' | 'failed' | 'dropped'>;

const MAX_QUEUED = 1_000;
const MAX_TRIES = 6;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
/** After so many failures in a row the receiver is left alone for a while. */
const BREAK_AFTER = 5;
const BREAK_MS = 30_000;
/** Nobody acts on older news. */
export const NEWS_MS = 86_400_000;

/** Begins with what the journal has left. */
export function createNotices(parts: NoticeParts): Notices {
  const { journal, observer } = parts;
  const stop = new AbortController();
  const queues = parts.webhooks.map((webhook) => createQueue(webhook, parts, stop.signal));
  const byName = new Map(parts.webhooks.map(({ config }, at) => [config.name, queues[at]]));
  for (const notice of journal?.left ?? []) {
    const queue = byName.get(notice.webhook);
    if (queue === undefined) {
      // The webhook is not configured any more.
      observer.notice('dropped');
      journal?.settle(notice.id);
    } else queue.send(notice);
  }
  return {
    tell: (notice) => {
      for (const queue of queues) queue.add(notice);
    },
    idle: async () => void (await Promise.all(queues.map(({ idle }) => idle()))),
    close: async () => {
      stop.abort();
      await Promise.all(queues.map(({ idle }) => idle()));
      await journal?.close();
    },
  };
}

/** Deliveries to one webhook, with growing pauses and a breaker. One at a time. */
export function createDeliver(
  webhook: Webhook,
  parts: Omit<NoticeParts, 'webhooks' | 'newId' | 'journal'>,
  signal: AbortSignal,
): Deliver {
  const { clock, observer, log, random } = parts;
  const { name } = webhook.config;
  let failuresInARow = 0;
  return async (delivery) => {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      if (failuresInARow >= BREAK_AFTER) await parts.pause(BREAK_MS, signal);
      try {
        await parts.post(webhook, delivery, clock.now());
        failuresInARow = 0;
        observer.notice('delivered');
        return 'delivered';
      } catch (error) {
        failuresInARow += 1;
        const reason = PortcullisError.from(error).message;
        log.warn({ webhook: name, [LOG_FIELD.reason]: reason, attempt }, 'Notice was not delivered');
        if (attempt >= MAX_TRIES) {
          observer.notice('failed');
          return 'failed';
        }
        observer.notice('retried');
        // Full jitter: receivers that come back are not met by everybody at once.
        await parts.pause(random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 4 ** attempt), signal);
      }
    }
    observer.notice('dropped');
    return 'dropped';
  };
}

function createQueue(webhook: Webhook, parts: NoticeParts, signal: AbortSignal) {
  const { events, name } = webhook.config;
  const { journal, clock, newId } = parts;
  /** What the end of this process has cut short waits for the next, where there is a journal. */
  const isKept = (outcome: NoticeOutcome): boolean => journal !== undefined && outcome === 'dropped' && signal.aborted;
  const observer: NoticeParts['observer'] = {
    notice: (outcome) => {
      if (!isKept(outcome)) parts.observer.notice(outcome);
    },
  };
  const deliver = createDeliver(webhook, { ...parts, observer }, signal);
  const { add, idle } = createDeliveryQueue(deliver, () => observer.notice('dropped'), signal);
  const send = ({ id, body }: WaitingNotice): void =>
    add({ id, body }, (outcome) => {
      if (!isKept(outcome)) journal?.settle(id);
    });
  return {
    add: (notice: Notice): void => {
      if (!(events as readonly string[]).includes(notice.event)) return;
      const isQuestion = notice.event === 'requested' || notice.event === 'escalated';
      const until = isQuestion ? notice.approval.expiresAt : clock.now() + NEWS_MS;
      const waiting = { webhook: name, ...deliveryOf(webhook, notice, newId()), until };
      void journal?.keep(waiting);
      send(waiting);
    },
    send,
    idle,
  };
}

/** A bounded queue in front of one receiver. Where there is no room, the oldest that waits makes some: nobody acts on old news. */
export interface DeliveryQueue {
  /** At once; never throws. `settled` hears what came of it in the end, also of one for which there is no room. */
  add(delivery: Delivery, settled?: (outcome: Awaited<ReturnType<Deliver>>) => void): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** Begins empty. @param dropped counts what makes room, or comes too late */
export function createDeliveryQueue(deliver: Deliver, dropped: () => void, signal: AbortSignal): DeliveryQueue {
  const waiting: { readonly delivery: Delivery; readonly settled: NonNullable<Parameters<DeliveryQueue['add']>[1]> }[] =
    [];
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      next.settled(await deliver(next.delivery));
    }
    working = undefined;
  };
  return {
    add: (delivery, settled = () => undefined) => {
      if (signal.aborted) {
        dropped();
        settled('dropped');
        return;
      }
      if (waiting.length >= MAX_QUEUED) {
        dropped();
        waiting.shift()?.settled('dropped');
      }
      waiting.push({ delivery, settled });
      working ??= Promise.resolve().then(work);
    },
    idle: async (): Promise<void> => {
      await working;
    },
  };
}
