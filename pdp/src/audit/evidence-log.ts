/**
 * When records are written and answered for (ADR-0003). Group commit: what is appended in one turn of the event loop, or
 * while the disk is waited for, goes out in one write; every `append` waits for the write that carries it.
 */

import type { ChainEnd } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import type { AuditRecord, DecisionSink } from '../pipeline/ports.js';
import type { ChainFiles } from './chain-files.js';

/** How records are kept. */
export interface EvidenceLogOptions {
  /** Whether a record that cannot be kept turns its decision into a denial, or is counted and dropped. */
  readonly mode: 'required' | 'best_effort';
  /** When records must be on the disk, not just with the operating system: never, at intervals, before the answer. */
  readonly sync: 'none' | 'interval' | 'commit';
  /** For `interval`. */
  readonly intervalMs: number;
  /** Records that may wait; more are refused, so that a hanging disk cannot fill the memory. */
  readonly maxPending?: number;
}

/** What becomes of a record. */
export const RECORD_OUTCOMES = ['recorded', 'refused', 'dropped'] as const;
/** What became of a record. */
export type RecordOutcome = (typeof RECORD_OUTCOMES)[number];

/** Who counts records. */
export interface RecordObserver {
  records(outcome: RecordOutcome, count: number): void;
}

/** The log; closed after the last answer. */
export interface EvidenceLog extends DecisionSink {
  append(record: AuditRecord): Promise<void>;
  /** Syncs, and resolves to a record up to which all are on the disk. Rejects when the disk refuses. */
  durable(): Promise<ChainEnd>;
  /** Writes and syncs what is pending, then closes the file. */
  close(): Promise<void>;
}

interface Pending {
  readonly record: AuditRecord;
  readonly settle: (fault?: PortcullisError) => void;
}

const DEFAULT_MAX_PENDING = 16_384;

/** A log that writes to a chain. */
export function createEvidenceLog(
  chain: ChainFiles,
  options: EvidenceLogOptions,
  observer: RecordObserver,
): EvidenceLog {
  const maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
  const required = options.mode === 'required';
  let pending: Pending[] = [];
  let syncing: Promise<void> | undefined;
  /** The last record that a commit put on the disk. */
  let committed = chain.last();
  let unsynced = false;
  /** Why records of the last interval may be lost; nothing more is acknowledged until a sync succeeds. */
  let stuck: { readonly cause: unknown } | undefined;
  let closed = false;

  const fail = (batch: readonly Pending[], cause: unknown): void => {
    const fault = required ? unwritable(cause) : undefined;
    observer.records(required ? 'refused' : 'dropped', batch.length);
    for (const { settle } of batch) settle(fault);
  };
  const succeed = (batch: readonly Pending[]): void => {
    observer.records('recorded', batch.length);
    for (const { settle } of batch) settle();
  };
  const commit = (batch: readonly Pending[], takeBack: () => void): void => {
    const end = chain.last();
    syncing = chain
      .sync()
      .then(
        () => {
          committed = end;
          succeed(batch);
        },
        (error: unknown) => {
          // Nothing was written since. What may not be on the disk is no part of the chain.
          takeBack();
          fail(batch, error);
        },
      )
      .then(() => {
        syncing = undefined;
        flush();
      });
  };
  const flush = (): void => {
    if (syncing !== undefined || pending.length === 0) return;
    const batch = pending;
    pending = [];
    let takeBack: () => void;
    try {
      if (stuck !== undefined) throw stuck.cause;
      takeBack = chain.write(batch.map(({ record }) => record));
    } catch (error) {
      fail(batch, error);
      return;
    }
    unsynced = true;
    if (options.sync === 'commit') commit(batch, takeBack);
    else succeed(batch);
  };

  const syncNow = async (): Promise<void> => {
    unsynced = false;
    try {
      await chain.sync();
      stuck = undefined;
    } catch (cause) {
      unsynced = true;
      if (options.sync === 'interval') stuck = { cause };
      throw cause;
    }
  };
  const timer =
    options.sync === 'interval'
      ? setInterval(() => {
          if (unsynced) syncNow().catch(() => undefined);
        }, options.intervalMs).unref()
      : undefined;

  return {
    append: (record) =>
      new Promise<void>((resolve, reject) => {
        const entry: Pending = { record, settle: (fault) => (fault === undefined ? resolve() : reject(fault)) };
        if (closed) fail([entry], new Error('the log is closed'));
        else if (pending.length >= maxPending) fail([entry], new Error('too many records are waiting to be written'));
        else {
          if (pending.length === 0) process.nextTick(flush);
          pending.push(entry);
        }
      }),
    async durable() {
      if (options.sync === 'commit') return committed;
      const end = chain.last();
      await syncNow();
      return end;
    },
    close: async () => {
      closed = true;
      clearInterval(timer);
      flush();
      // What waits behind a sync is flushed by it, which starts another.
      while (syncing !== undefined) await syncing;
      await chain.close();
    },
  };
}

function unwritable(cause: unknown): PortcullisError {
  return new PortcullisError('ERR_AUDIT_APPEND', 'unavailable', 'the decision cannot be recorded', { cause });
}
