/**
 * Decision records as JSON lines in one file (ADR-0003). Group commit: what is appended in one turn of the event loop,
 * or while a write is under way, goes out in one write; every `append` waits for the write that carries it.
 */

import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';
import type { DecisionRecord, DecisionSink } from '../pipeline/ports.js';

/** What the log needs of a file; a `FileHandle` is one. */
export interface LogFile {
  appendFile(data: string): Promise<void>;
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
    return createDecisionLog(file, { ...options, torn });
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
  let writing: Promise<void> | undefined;
  let closed = false;

  const writeBatch = async (batch: readonly Pending[]): Promise<void> => {
    try {
      // A failed write may have left half a line; the next one starts on a line of its own.
      await file.appendFile(`${torn ? '\n' : ''}${batch.map((entry) => entry.line).join('')}`);
      torn = false;
      if (options.fsync) await file.datasync();
      for (const entry of batch) entry.settle();
    } catch (error) {
      torn = true;
      const fault = unwritable(error);
      for (const entry of batch) entry.settle(fault);
    }
  };

  const writeAll = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    while (pending.length > 0) {
      const batch = pending;
      pending = [];
      await writeBatch(batch);
    }
    writing = undefined;
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
        pending.push({
          line: `${JSON.stringify(record)}\n`,
          settle: (error) => (error === undefined ? resolve() : reject(error)),
        });
        writing ??= writeAll();
      }),
    close: async () => {
      closed = true;
      await writing;
      await file.close();
    },
  };
}

function unwritable(cause: unknown): PortcullisError {
  return new PortcullisError('ERR_AUDIT_APPEND', 'unavailable', 'the decision log cannot be written', { cause });
}
