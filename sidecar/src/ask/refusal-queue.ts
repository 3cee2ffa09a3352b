/**
 * Reports attempts that this sidecar refused by itself until a PDP has recorded them (ADR-0034). Those that are alike are
 * counted together for a second, and what a second may bring is bounded: an agent that sends rubbish fills neither this
 * memory nor the disk of a PDP. What cannot be delivered is counted.
 */

import { MAX_REFUSAL_TEXT, type RefusalReport } from '@portcullis/proto';
import type { RefusedAttempt, RefusedTarget } from './port.js';
import { MAX_BATCH } from './settle.js';

/** The queue. */
export interface RefusalQueue {
  add(attempt: RefusedAttempt): void;
  /** Sends what is left, once, and stops. Resolves when that succeeded or failed; never rejects. */
  close(): Promise<void>;
}

/** What the queue needs. */
export interface RefusalQueueOptions {
  /** Sends one batch to some PDP; answers how many it has recorded. Rejects when none took it. */
  readonly send: (batch: readonly RefusalReport[]) => Promise<number>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly newId: () => string;
  /** `count` attempts will be on no record. Must not throw. */
  readonly lost: (count: number) => void;
  /** Default {@link FOLD_MS}. */
  readonly foldMs?: number;
  /** Default {@link FIRST_WAIT_MS}. */
  readonly firstWaitMs?: number;
}

/** How long refusals that are alike are counted together, milliseconds. */
export const FOLD_MS = 1_000;
/** Kinds of refusals of one fold that are told apart by what they were about; of more, only source and code are recorded. */
export const MAX_TARGETS = 64;
/** Reports that wait for a PDP; the oldest are given up first. */
export const MAX_WAITING = 4_096;
/** How often a batch is sent before it is given up: some five minutes, with the waits between. */
export const MAX_ATTEMPTS = 64;
/** The wait after the first failure, milliseconds; it doubles. */
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;

interface Fold extends Omit<RefusalReport, 'count' | 'last_at'> {
  count: number;
  last_at: string;
}

/** Starts empty. */
export function createRefusalQueue(options: RefusalQueueOptions): RefusalQueue {
  const { send, now, newId, lost, foldMs = FOLD_MS, firstWaitMs = FIRST_WAIT_MS } = options;
  let folds = new Map<string, Fold>();
  const waiting: RefusalReport[] = [];
  let fold: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let failures = 0;
  let closed = false;

  const giveUp = (count: number): void => {
    const given = waiting.splice(0, count);
    if (given.length > 0) lost(attemptsOf(given));
  };
  const endFold = (): void => {
    clearTimeout(fold);
    fold = undefined;
    waiting.push(...folds.values());
    folds = new Map();
    giveUp(waiting.length - MAX_WAITING);
  };
  /** Whether there is more to send at once. */
  const sendBatch = async (): Promise<boolean> => {
    // Smaller each time: together they may be more than a PDP takes in one message.
    const batch = waiting.slice(0, Math.max(1, Math.min(waiting.length, MAX_BATCH) >> Math.min(failures, 30)));
    if (batch.length === 0) return false;
    try {
      const recorded = await send(batch);
      // What a PDP does not accept it will not accept another time either.
      if (recorded < batch.length) lost(recorded === 0 ? attemptsOf(batch) : batch.length - recorded);
      failures = 0;
      forget(batch);
      return true;
    } catch {
      failures += 1;
      if (failures >= MAX_ATTEMPTS) {
        failures = 0;
        const given = forget(waiting.slice(0, MAX_BATCH));
        if (given.length > 0) lost(attemptsOf(given));
      }
      return false;
    }
  };
  /** Takes a batch out; some of it may have been given up meanwhile. */
  const forget = (batch: readonly RefusalReport[]): readonly RefusalReport[] => {
    const sent = new Set(batch);
    const end = waiting.findIndex((report) => !sent.has(report));
    return waiting.splice(0, end === -1 ? waiting.length : end);
  };
  const flush = (): void => {
    clearTimeout(retry);
    retry = undefined;
    if (sending !== undefined || waiting.length === 0) return;
    sending = sendBatch().then((isMore) => {
      sending = undefined;
      if (closed || waiting.length === 0) return;
      if (isMore) flush();
      else retry = setTimeout(flush, Math.min(MAX_WAIT_MS, firstWaitMs * 2 ** Math.min(failures, 10)));
    });
  };

  return {
    add({ source, code, reason, status, target, decision_id: decision }) {
      if (closed) return lost(1);
      const at = new Date(now()).toISOString();
      const tool = toolOf(target);
      const exact = JSON.stringify([
        source,
        code,
        reason,
        status,
        tool.server,
        tool.name,
        tool.operation,
        target.reached,
        decision,
      ]);
      const isRoom = folds.has(exact) || folds.size < MAX_TARGETS;
      const key = isRoom ? exact : `${source} ${code}`;
      const known = folds.get(key);
      if (known === undefined) {
        const allowed = decision === undefined ? {} : { decision_id: decision };
        const why = isRoom ? { ...whyOf(reason, tool, target.reached), ...allowed } : { reason: OTHERS, tool: {} };
        folds.set(key, { refusal_id: newId(), source, code, status, ...why, count: 1, at, last_at: at });
      } else {
        known.count += 1;
        known.last_at = at;
      }
      fold ??= setTimeout(() => {
        endFold();
        if (retry === undefined) flush();
      }, foldMs);
      return undefined;
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      endFold();
      await sending;
      while (await sendBatch()) {
        // The next one.
      }
      giveUp(waiting.length);
    },
  };
}

function whyOf(
  reason: string | undefined,
  tool: RefusalReport['tool'],
  target: RefusalReport['target'],
): Pick<RefusalReport, 'reason' | 'tool' | 'target'> {
  return { ...(reason === undefined ? {} : { reason }), tool, ...(target === undefined ? {} : { target }) };
}

/** The reason of a report that stands for refusals about many things. */
export const OTHERS = 'OTHERS_IN_THIS_SECOND';

/** Within the bounds of a record, without what is absent. */
function toolOf({ server, name, operation }: RefusedTarget): RefusalReport['tool'] {
  const cut = (text: string): string => text.slice(0, MAX_REFUSAL_TEXT).toWellFormed();
  return {
    ...(server === undefined ? {} : { server: cut(server) }),
    ...(name === undefined ? {} : { name: cut(name) }),
    ...(operation === undefined ? {} : { operation: cut(operation) }),
  };
}

function attemptsOf(reports: readonly RefusalReport[]): number {
  return reports.reduce((sum, { count }) => sum + count, 0);
}
