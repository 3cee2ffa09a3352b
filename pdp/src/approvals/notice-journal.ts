/**
 * Notices on the PDP's own disk until they are delivered or given up. A line says that a notice waits, a later one that it does not any
 * more. Nobody waits for the disk: telling is never in the way of a decision. So what the last moments before a kill have told may be
 * missing, and a notice that was delivered in them comes again, under the same id.
 */

import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';
import { writeDurably } from '../bundles/durable-file.js';

/** A notice that waits. */
export interface WaitingNotice {
  /** The name of the webhook. */
  readonly webhook: string;
  /** Of the delivery. */
  readonly id: string;
  readonly body: string;
  /** Milliseconds since the epoch; from then on nobody has to hear of it. */
  readonly until: number;
  /** Policies that asked for it, where its outcome is recorded as theirs. */
  readonly policies?: readonly string[];
}

/** Keeps notices. Neither throws nor rejects: what cannot be written is logged, and ends with the process. */
export interface NoticeJournal {
  /** What waited when the process before ended; the oldest first. */
  readonly left: readonly WaitingNotice[];
  /** What waited then, and is too old by now. */
  readonly expired: readonly WaitingNotice[];
  /** Resolves once the operating system has it, or it cannot be written. */
  keep(notice: WaitingNotice): Promise<void>;
  /** It waits no longer. */
  settle(id: string): void;
  /** Resolves when all is written. */
  close(): Promise<void>;
}

/** So many settled lines, and the file is written anew. */
const COMPACT_AFTER = 10_000;

const waits = z.strictObject({
  webhook: z.string(),
  id: z.string(),
  body: z.string(),
  until: z.number(),
  policies: z.array(z.string()).exactOptional(),
});
const line = z.union([waits, z.strictObject({ done: z.string() })]);

/**
 * Opens the file, or makes it. Lines that cannot be read are left out and counted in the log: a notice is no evidence, and a damaged one
 * must not keep a PDP from deciding.
 * @throws PortcullisError kind `invalid` when the file can be neither read nor written
 */
export async function openNoticeJournal(path: string, now: number, log: Logger): Promise<NoticeJournal> {
  try {
    const { left, expired, damaged } = readLines(await readWhole(path), now);
    if (damaged > 0) log.warn({ path, lines: damaged }, 'Notices that waited cannot be read and are lost');
    await writeDurably(path, linesOf(left));
    return { ...journalOf(path, left, await open(path, 'a', 0o600), log), left, expired };
  } catch (cause) {
    throw new PortcullisError('ERR_APPROVAL_NOTICES', 'invalid', 'the file of notices that wait cannot be used', {
      cause,
      details: { path },
    });
  }
}

function journalOf(
  path: string,
  left: readonly WaitingNotice[],
  opened: FileHandle,
  log: Logger,
): Omit<NoticeJournal, 'left' | 'expired'> {
  const waiting = new Map(left.map((notice) => [notice.id, notice]));
  let file = opened;
  let settled = 0;
  let isBehind = false;
  let lines: string[] = [];
  let tail: Promise<void> = Promise.resolve();
  let flushed = true;

  /** Writes the file anew: what waits, whatever stood there. */
  const rewrite = async (): Promise<void> => {
    settled = 0;
    await writeDurably(path, linesOf([...waiting.values()]));
    const next = await open(path, 'a', 0o600);
    await file.close();
    file = next;
  };
  const flush = async (): Promise<void> => {
    flushed = true;
    const text = lines.join('');
    lines = [];
    const isWhole = !isBehind && settled < COMPACT_AFTER;
    // Until it is written: what a failure leaves may end in the middle of a line.
    isBehind = true;
    try {
      await (isWhole ? file.appendFile(text) : rewrite());
      isBehind = false;
    } catch (error) {
      log.warn({ [LOG_FIELD.error]: PortcullisError.from(error), path }, 'Notices that wait could not be written');
    }
  };
  const write = (value: object): Promise<void> => {
    lines.push(`${JSON.stringify(value)}\n`);
    if (flushed) {
      flushed = false;
      tail = tail.then(flush);
    }
    return tail;
  };
  return {
    keep: (notice) => {
      waiting.set(notice.id, notice);
      return write(notice);
    },
    settle: (id) => {
      if (!waiting.delete(id)) return;
      settled += 1;
      void write({ done: id });
    },
    close: async () => {
      await tail;
      await file.close();
    },
  };
}

async function readWhole(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return readFile(path, 'utf8').catch((cause: unknown) => {
    if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT') return '';
    throw cause;
  });
}

interface Lines extends Pick<NoticeJournal, 'left' | 'expired'> {
  readonly damaged: number;
}

function readLines(text: string, now: number): Lines {
  const found = new Map<string, WaitingNotice>();
  let damaged = 0;
  for (const part of text.split('\n')) {
    if (part === '') continue;
    const read = line.safeParse(parsed(part));
    if (!read.success) damaged += 1;
    else if ('done' in read.data) found.delete(read.data.done);
    else found.set(read.data.id, read.data);
  }
  const { left = [], expired = [] } = Object.groupBy(found.values(), ({ until }) => (until > now ? 'left' : 'expired'));
  return { left, expired, damaged };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function linesOf(notices: readonly WaitingNotice[]): Buffer {
  return Buffer.from(notices.map((notice) => `${JSON.stringify(notice)}\n`).join(''));
}
