/**
 * The obligation `notify`, carried out after the answer: webhooks are told by the deliveries of approvals, through a bounded queue
 * each, and what became of every notice is recorded. With a journal a notice waits on disk before its decision is on record, so that
 * whatever ends in between, the next process tells it.
 */

import type { NoticeEntry } from '@portcullis/policy/evidence';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { NoticeJournal, WaitingNotice } from '../approvals/notice-journal.js';
import {
  createDeliveryQueue,
  type Deliver,
  type DeliveryQueue,
  NEWS_MS,
  type NoticeOutcome,
} from '../approvals/notices.js';
import type { Webhook } from '../approvals/webhook.js';
import type { DecisionFollower, NoticeIntake } from '../pipeline/ports.js';
import { noticesOf, notifies, notifyDelivery } from './notify-notice.js';

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
  /** Without one, notices end with the process. */
  readonly journal?: NoticeJournal;
  readonly observer: { notice(outcome: NoticeOutcome): void };
  readonly clock: Clock;
  readonly log: Logger;
}

/** Tells whom decisions tell. */
export interface Notifier extends DecisionFollower, NoticeIntake {
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Gives up what is not delivered yet, or leaves it to the journal. */
  stop(): Promise<void>;
}

/** One channel that a decision tells. */
interface Told {
  readonly decisionId: string;
  readonly channel: string;
  readonly policies: readonly string[];
}

interface Channel {
  readonly webhook: Webhook;
  readonly queue: DeliveryQueue;
}

/** Begins with what the journal has left. */
export function createNotifier({ channels, record, journal, observer, clock, log }: NotifierParts): Notifier {
  const stopped = new AbortController();
  /** What the end of this process has cut short waits for the next, where there is a journal. */
  const isKept = (): boolean => journal !== undefined && stopped.signal.aborted;
  const dropped = (): void => {
    if (!isKept()) observer.notice('dropped');
  };
  const byName = new Map<string, Channel>(
    channels(stopped.signal).map(({ webhook, deliver }) => {
      const queue = createDeliveryQueue(deliver, dropped, stopped.signal);
      return [webhook.config.name, { webhook, queue }] as const;
    }),
  );
  const recording = new Set<Promise<void>>();

  const settle = (event: NoticeEntry['event'], { decisionId, channel, policies }: Told): void => {
    journal?.settle(keyOf(decisionId, channel));
    const at = new Date(clock.now()).toISOString();
    const entry: NoticeEntry = { kind: 'notice', event, decision_id: decisionId, policies, webhook: channel, at };
    const written = (record?.(entry) ?? Promise.resolve())
      .catch((cause: unknown) => {
        log.warn({ [LOG_FIELD.error]: PortcullisError.from(cause) }, 'What became of a notice could not be recorded');
      })
      .finally(() => recording.delete(written));
    recording.add(written);
  };
  const send = ({ queue }: Channel, told: Told, body: string): void =>
    queue.add({ id: told.decisionId, body }, (outcome) => {
      if (outcome === 'delivered') settle('notified', told);
      else if (outcome !== 'dropped' || !isKept()) settle('unnotified', told);
    });
  const giveUp = (told: Told): void => {
    dropped();
    settle('unnotified', told);
  };
  const tell = (told: Told, request: CanonicalRequest, decision: Decision): void => {
    const channel = byName.get(told.channel);
    if (channel === undefined) {
      log.warn({ webhook: told.channel }, 'A policy notifies a webhook that is not configured with the event notify');
      giveUp(told);
    } else send(channel, told, notifyDelivery(channel.webhook, told, request, decision).body);
  };
  const idle = async (): Promise<void> => {
    for (const { queue } of byName.values()) await queue.idle();
    await Promise.all(recording);
  };

  for (const notice of journal?.expired ?? []) giveUp(toldOf(notice));
  for (const notice of journal?.left ?? []) {
    const channel = byName.get(notice.webhook);
    if (channel === undefined) giveUp(toldOf(notice));
    else send(channel, toldOf(notice), notice.body);
  }
  return {
    keep: (request, decision) => {
      if (journal === undefined || !notifies(decision)) return undefined;
      const until = clock.now() + NEWS_MS;
      const keeping = noticesOf(decision).flatMap((notice) => {
        const { channel, policies } = notice;
        const found = byName.get(channel);
        if (found === undefined) return [];
        const { id, body } = notifyDelivery(found.webhook, notice, request, decision);
        return [journal.keep({ webhook: channel, id: keyOf(id, channel), body, until, policies })];
      });
      return keeping.at(-1);
    },
    follows: (_question, decision) => notifies(decision),
    decided: (_question, request, decision) => {
      for (const notice of noticesOf(decision))
        tell({ ...notice, decisionId: decision.decision_id }, request, decision);
    },
    idle,
    stop: async () => {
      stopped.abort();
      await idle();
      await journal?.close();
    },
  };
}

/** One decision may tell several channels, and the id of the delivery is its own. */
function keyOf(decisionId: string, channel: string): string {
  return `${decisionId}/${channel}`;
}

function toldOf({ id, webhook, policies = [] }: WaitingNotice): Told {
  return { decisionId: id.slice(0, -(webhook.length + 1)), channel: webhook, policies };
}
