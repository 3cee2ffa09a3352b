/** Signs how far the chain has come: every few seconds, every so many records, and where a segment ends. */

import { type ChainEnd, type NoteSigner, signCheckpoint } from '@portcullis/policy/evidence';
import { boundaryName } from './segments.js';

/** What signing is made of. */
export interface CheckpointerParts {
  readonly signer: NoteSigner;
  /** A record up to which all are on the disk; a checkpoint never says more. */
  readonly durable: () => Promise<ChainEnd>;
  /** Replaces a file of the audit folder. */
  readonly write: (name: string, text: string) => Promise<void>;
  readonly everyMs: number;
  readonly everyRecords: number;
  readonly onOutcome: (outcome: 'signed' | 'failed', error?: unknown) => void;
}

/** The signing task. */
export interface Checkpointer {
  /** Told how many records were added. */
  added(count: number): void;
  /** A segment begins after this record: its predecessor gets a checkpoint of its own. */
  segmentBegins(before: ChainEnd): void;
  /** How many records the checkpoint on disk covers. */
  signed(): number;
  /** Signs now, unless nothing came since. Resolves when the checkpoint is on the disk, or could not be. */
  sign(): Promise<void>;
  /** No more by itself. */
  stop(): Promise<void>;
}

/** File of the newest checkpoint. */
export const CHECKPOINT_FILE = 'checkpoint';

/**
 * Starts signing.
 * @param signedSize what the checkpoint on disk covers
 * @param before where segments begin that an earlier process may not have signed a checkpoint for
 */
export function startCheckpointer(
  parts: CheckpointerParts,
  signedSize: number,
  before: readonly ChainEnd[] = [],
): Checkpointer {
  const boundaries = [...before];
  let covered = signedSize;
  let since = 0;
  let signing: Promise<void> | undefined;

  const write = (name: string, end: ChainEnd): Promise<void> =>
    parts.write(name, signCheckpoint(parts.signer, { size: end.seq, head: end.hash }));
  const signOnce = async (): Promise<void> => {
    since = 0;
    try {
      const end = await parts.durable();
      for (let next = boundaries[0]; next !== undefined && next.seq <= end.seq; next = boundaries[0]) {
        await write(boundaryName(next.seq + 1), next);
        boundaries.shift();
      }
      if (end.seq <= covered) return;
      await write(CHECKPOINT_FILE, end);
      covered = end.seq;
      parts.onOutcome('signed');
    } catch (error) {
      parts.onOutcome('failed', error);
    }
  };
  const sign = (): Promise<void> => {
    signing ??= signOnce().finally(() => {
      signing = undefined;
    });
    return signing;
  };
  const timer = setInterval(() => void sign(), parts.everyMs).unref();

  return {
    added: (count) => {
      since += count;
      if (since >= parts.everyRecords) void sign();
    },
    segmentBegins: (before) => {
      boundaries.push(before);
      void sign();
    },
    signed: () => covered,
    sign,
    stop: async () => {
      clearInterval(timer);
      await signing;
    },
  };
}
