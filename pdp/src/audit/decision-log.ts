/**
 * Decision records as JSON lines in one file (ADR-0003). Group commit: what is appended in one turn of the event loop,
 * or while the disk is waited for, goes out in one write; every `append` waits for the write that carries it.
 */

import { appendFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';
import type { DecisionRecord, DecisionSink } from '../pipeline/ports.js';

/** What the log needs of a file. */
export interface LogFile {
  /**
   * Hands all of it to the operating system before it returns. Not by a promise: that is a walk through the thread pool
   * and back, which costs a decision ten times what the write does.
   * @throws when it could not be taken whole; a part of it may be in the file.
   */
  append(data: string): void;
  /** Resolves when what was appended is on the disk. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** How the log is kept. */
export interface DecisionLogOptions {
  /** Whether a record must be on the disk, not just with the operating system, before it is answered. */
  readonly fsync: boolean;
  /** Records that may wait; beyond it `append` rejects, so that a hanging disk cannot fill the memory. */
  readonly maxPending?: number;
}

/** A decision log; closed after the last answer. */
export interface DecisionLog extends DecisionSink {
  /** Writes what is pending, then closes the file. */
  close(): Promise<void>;
}

interface Pending {
  readonly line: string;
  readonly settle: (error?: PortcullisError) => void;
}

const DEFAULT_MAX_PENDING = 16_384;

/**
 * Opens (or creates, mode 0600) the log and makes sure that it ends in a whole line.
 * @throws PortcullisError kind `unavailable` when the file cannot be written.
 */
export async function openDecisionLog(path: string, options: DecisionLogOptions): Promise<DecisionLog> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    let torn = false;
    if (size > 0) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      torn = buffer[0] !== 0x0a;
    }
    const opened: LogFile = {
      append: (data) => appendFileSync(file.fd, data),
      datasync: () => file.datasync(),
      close: () => file.close(),
    };
    return createDecisionLog(opened, { ...options, torn });
  } catch (error) {
    throw unwritable(error);
  }
}

/** The log over an open file; `torn` says that the file ends in the middle of a line. */
export function createDecisionLog(
  file: LogFile,
  options: DecisionLogOptions & { readonly torn?: boolean },
): DecisionLog {
  const maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
  let torn = options.torn ?? false;
  let pending: Pending[] = [];
  let syncing: Promise<void> | undefined;
  let closed = false;

  const fail = (batch: readonly Pending[], cause: unknown): void => {
    // A failed write may have left half a line; the next one starts on a line of its own.
    torn = true;
    const fault = unwritable(cause);
    for (const entry of batch) entry.settle(fault);
  };
  const succeed = (batch: readonly Pending[]): void => {
    for (const entry of batch) entry.settle();
  };
  const flush = (): void => {
    if (syncing !== undefined || pending.length === 0) return;
    const batch = pending;
    pending = [];
    try {
      file.append(`${torn ? '\n' : ''}${batch.map((entry) => entry.line).join('')}`);
      torn = false;
    } catch (error) {
      fail(batch, error);
      return;
    }
    if (!options.fsync) {
      succeed(batch);
      return;
    }
    syncing = file
      .datasync()
      .then(
        () => succeed(batch),
        (error: unknown) => fail(batch, error),
      )
      .then(() => {
        syncing = undefined;
        flush();
      });
  };

  return {
    append: (record: DecisionRecord) =>
      new Promise<void>((resolve, reject) => {
        if (closed) {
          reject(unwritable(new Error('the decision log is closed')));
          return;
        }
        if (pending.length >= maxPending) {
          reject(unwritable(new Error('too many decision records are waiting to be written')));
          return;
        }
        if (pending.length === 0) process.nextTick(flush);
        pending.push({
          line: `${JSON.stringify(record)}\n`,
          settle: (error) => (error === undefined ? resolve() : reject(error)),
        });
      }),
    close: async () => {
      closed = true;
      flush();
      // What waits behind a sync is flushed by it, which starts another.
      while (syncing !== undefined) await syncing;
      await file.close();
    },
  };
}

function unwritable(cause: unknown): PortcullisError {
  return new PortcullisError('ERR_AUDIT_APPEND', 'unavailable', 'the decision log cannot be written', { cause });
}
