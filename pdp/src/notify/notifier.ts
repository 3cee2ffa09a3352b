/**
 * The obligation `notify`, carried out after the answer: webhooks are told by the deliveries of approvals, through a bounded queue
 * each, and what became of every notice is recorded. Nothing of it holds a decision up or changes one.
 */

import type { NoticeEntry } from '@portcullis/policy/evidence';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import { createDeliveryQueue, type Deliver, type NoticeOutcome } from '../approvals/notices.js';
import type { Webhook } from '../approvals/webhook.js';
import type { DecisionFollower } from '../pipeline/ports.js';
import { type Notify, noticesOf, notifies, notifyDelivery } from './notify-notice.js';

/** A webhook that policies may name. */
export interface NotifyChannel {
  readonly webhook: Webhook;
  readonly deliver: Deliver;
}

/** What a notifier is made of. */
export interface NotifierParts {
  /** Those that may be told, until the signal is aborted. */
  readonly channels: (signal: AbortSignal) => readonly NotifyChannel[];
  /** Where outcomes are recorded; nowhere without one. */
  readonly record: ((entry: NoticeEntry) => Promise<void>) | undefined;
  readonly observer: { notice(outcome: NoticeOutcome): void };
  readonly clock: Clock;
  readonly log: Logger;
}

/** Tells whom decisions tell. */
export interface Notifier extends DecisionFollower {
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Gives up what is not delivered yet. */
  stop(): Promise<void>;
}

/** Begins with empty queues. */
export function createNotifier({ channels, record, observer, clock, log }: NotifierParts): Notifier {
  const stopped = new AbortController();
  const dropped = (): void => observer.notice('dropped');
  const queues = new Map(
    channels(stopped.signal).map(({ webhook, deliver }) => {
      const queue = createDeliveryQueue(deliver, dropped, stopped.signal);
      return [webhook.config.name, { webhook, queue }] as const;
    }),
  );
  const recording = new Set<Promise<void>>();

  const settle = (event: NoticeEntry['event'], { channel, policies }: Notify, { decision_id: id }: Decision): void => {
    const at = new Date(clock.now()).toISOString();
    const entry: NoticeEntry = { kind: 'notice', event, decision_id: id, policies, webhook: channel, at };
    const written = (record?.(entry) ?? Promise.resolve())
      .catch((cause: unknown) => {
        log.warn({ [LOG_FIELD.error]: PortcullisError.from(cause) }, 'What became of a notice could not be recorded');
      })
      .finally(() => recording.delete(written));
    recording.add(written);
  };
  const tell = (notice: Notify, request: CanonicalRequest, decision: Decision): void => {
    const found = queues.get(notice.channel);
    if (found === undefined) {
      dropped();
      log.warn({ webhook: notice.channel }, 'A policy notifies a webhook that is not configured with the event notify');
      settle('unnotified', notice, decision);
      return;
    }
    found.queue.add(notifyDelivery(found.webhook, notice, request, decision), (outcome) =>
      settle(outcome === 'delivered' ? 'notified' : 'unnotified', notice, decision),
    );
  };
  const idle = async (): Promise<void> => {
    for (const { queue } of queues.values()) await queue.idle();
    await Promise.all(recording);
  };

  return {
    follows: (_question, decision) => notifies(decision),
    decided: (_question, request, decision) => {
      for (const notice of noticesOf(decision)) tell(notice, request, decision);
    },
    idle,
    stop: async () => {
      stopped.abort();
      await idle();
    },
  };
}
