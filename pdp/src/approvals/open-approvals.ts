/** Approvals of a PDP, put together: store, record, notices, keys of approvers, and the look for what waits too long. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApprovalEntry } from '@portcullis/policy/evidence';
import { type Clock, LOG_FIELD, type Logger, PortcullisError, type Task, type TlsMaterial } from '@portcullis/runtime';
import type { NotifyChannel } from '../notify/notifier.js';
import { reviewDelivery } from '../reviews/review-notice.js';
import type { ReviewWebhook } from '../reviews/reviews.js';
import { type KeySet, openKeySet } from '../tokens/key-set.js';
import { type AnswerCount, createAnswerCount } from './answer-count.js';
import type { ApprovalsConfig, WebhookConfig } from './approvals-config.js';
import { type ApproverReader, createApproverReader } from './approver-token.js';
import type { ApprovalBook } from './book.js';
import { type ApprovalDesk, createDesk } from './desk.js';
import { openNoticeJournal } from './notice-journal.js';
import { createDeliver, createNotices, type NoticeOutcome, type NoticeParts } from './notices.js';
import { openApprovalStore } from './open.js';
import type { PastDecisions } from './past-decisions.js';
import type { ApprovalOperation } from './port.js';
import { createShowing, type Showing } from './shown.js';
import { post, type Webhook } from './webhook.js';

/** Who counts what happens to approvals besides decisions. */
export interface ApprovalObserver {
  approvalStoreFailed(operation: ApprovalOperation): void;
  notice(outcome: NoticeOutcome): void;
}

/** What opening needs. */
export interface OpenApprovalsParts {
  /** Where notices wait that are not delivered yet. */
  readonly dataDir: string;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly observer: ApprovalObserver;
  readonly log: Logger;
  /** Where records go; without one there are none. */
  readonly sink: { append(entry: ApprovalEntry): Promise<void> } | undefined;
  /** What was decided before; without it grants have no preview. */
  readonly past: PastDecisions | undefined;
}

/** The approvals, open. */
export interface Approvals {
  readonly book: ApprovalBook;
  readonly desk: ApprovalDesk;
  /** Moves when somebody has answered here. */
  readonly answers: AnswerCount;
  /** Without issuers nobody comes with a token. */
  readonly approvers: ApproverReader | undefined;
  readonly reveal: Showing['reveal'];
  /** The webhooks that want to hear of reviews. */
  readonly reviewers: (signal: AbortSignal) => readonly ReviewWebhook[];
  /** The webhooks that policies may name in `notify`. */
  readonly channels: (signal: AbortSignal) => readonly NotifyChannel[];
  /** Tells again about what waits too long. */
  readonly escalation: Task;
  close(): Promise<void>;
}

const LOOK_EVERY_MS = 5_000;
const MAX_PER_LOOK = 100;
const MIN_SECRET_BYTES = 32;

/** Opens them. @throws PortcullisError kind `invalid` when a key or a secret cannot be used. */
export async function openApprovals(config: ApprovalsConfig, parts: OpenApprovalsParts): Promise<Approvals> {
  const { clock, observer, log, sink } = parts;
  const showing = createShowing(config.payload.show, await payloadKey(config.payload.keyFile));
  const webhooks = await Promise.all(config.webhooks.map(openWebhook));
  const keySets: KeySet[] = [];
  for (const issuer of config.approvers) keySets.push(await openKeySet(issuer, { log }));
  const issuers = config.approvers.map((issuer, index) => ({ config: issuer, keys: keysOf(keySets[index]) }));
  const delivering: Omit<NoticeParts, 'webhooks' | 'newId' | 'journal'> = {
    post,
    pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    clock,
    random: Math.random,
    observer,
    log,
  };
  // Approvals in memory end with the process, and so does what there is to say of them.
  const isKept = config.store.type === 'redis' && webhooks.length > 0;
  const journal = isKept ? await openNoticeJournal(join(parts.dataDir, 'notices'), clock.now(), log) : undefined;
  const notices = createNotices({
    ...delivering,
    webhooks,
    newId: randomUUID,
    ...(journal === undefined ? {} : { journal }),
  });
  const store = openApprovalStore(config, parts);
  const answers = createAnswerCount();
  const book: ApprovalBook = {
    store,
    record: async (entry) => sink?.append(entry),
    tell: (notice) => {
      notices.tell(notice);
      if (notice.event === 'decided' || notice.event === 'granted') answers.advance();
    },
    describe: showing.describe,
    newId: randomUUID,
    now: () => clock.now(),
  };
  return {
    book,
    desk: createDesk(book, config.maxGrantSeconds, parts.past),
    answers,
    approvers: issuers.length === 0 ? undefined : createApproverReader(issuers, clock),
    reveal: showing.reveal,
    reviewers: (signal) =>
      webhooks
        .filter(({ config: { events } }) => events.includes('review'))
        .map((webhook) => {
          const deliver = createDeliver(webhook, delivering, signal);
          return { name: webhook.config.name, deliver: (review) => deliver(reviewDelivery(webhook, review)) };
        }),
    channels: (signal) =>
      webhooks
        .filter(({ config: { events } }) => events.includes('notify'))
        .map((webhook) => ({ webhook, deliver: createDeliver(webhook, keptAtTheEnd(delivering, signal), signal) })),
    escalation: {
      name: 'escalate approvals',
      run: async (signal) => {
        while (!signal.aborted) {
          await delay(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
          if (!signal.aborted) await escalate(book, config.escalateAfter, log);
        }
      },
    },
    close: async () => {
      for (const keys of keySets) keys.close();
      await notices.close();
      await store.close();
    },
  };
}

/** What the end of this process cuts short waits on disk for the next, and is not dropped. */
function keptAtTheEnd<P extends Pick<NoticeParts, 'observer'>>(parts: P, signal: AbortSignal): P {
  const notice = (outcome: NoticeOutcome): void => {
    if (outcome !== 'dropped' || !signal.aborted) parts.observer.notice(outcome);
  };
  return { ...parts, observer: { notice } };
}

/** Once: tells about, and records, what waits too long. Never rejects. */
export async function escalate(book: ApprovalBook, after: number, log: Logger): Promise<void> {
  try {
    for (const approval of await book.store.overdue(after, MAX_PER_LOOK)) {
      book.tell({ event: 'escalated', approval });
      const { id, binding, tenant, agent, bundle, releaseSeq } = approval;
      const at = new Date(book.now()).toISOString();
      const about = { binding, tenant, agent, bundle_digest: bundle, release_seq: releaseSeq, at };
      await book.record({ kind: 'approval', event: 'escalated', approval_id: id, ...about });
    }
  } catch (error) {
    log.warn({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Approvals could not be escalated');
  }
}

function keysOf(set: KeySet | undefined): KeySet['keys'] {
  if (set === undefined) throw new PortcullisError('ERR_HTTP_KEYS', 'internal', 'a key set is missing');
  return set.keys;
}

async function openWebhook(config: WebhookConfig): Promise<Webhook> {
  const text = await readKeyFile(config.secretFile);
  const secret = Buffer.from(text.replace(/\r?\n$/, ''), 'utf8');
  if (secret.length < MIN_SECRET_BYTES)
    throw unusable(`the secret of the webhook ${config.name} is shorter than 32 bytes`);
  return { config, secret };
}

async function payloadKey(file: string | undefined): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  const key = Buffer.from((await readKeyFile(file)).trim(), 'base64');
  if (key.length !== 32) throw unusable('the key for payloads is not 32 bytes in base64');
  return key;
}

async function readKeyFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new PortcullisError('ERR_APPROVAL_KEY', 'invalid', 'a key file of approvals cannot be read', {
      cause,
      details: { file },
    });
  }
}

function unusable(message: string): PortcullisError {
  return new PortcullisError('ERR_APPROVAL_KEY', 'invalid', message);
}
