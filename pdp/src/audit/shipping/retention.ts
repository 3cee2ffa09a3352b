/** Removes closed segments that the distributor has stored. Never one that it has not, and never what a start needs. */

import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { boundaryName, listSegments } from '../segments.js';
import type { KeepConfig } from './shipping-config.js';

/** What bounds the removal. */
export interface RemovableUpTo {
  /** The last record that the distributor has stored for good, by a receipt of this process. */
  readonly stored: number;
  /** The last record that the checkpoint on disk covers: without it a start could not tell a removal from a loss. */
  readonly signed: number;
}

interface Closed {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/** A start reads the two newest segments, whatever they hold. */
const NEVER_REMOVED = 2;

/**
 * Removes what may go, oldest first; the checkpoint that stands before the first segment that stays is kept.
 * @returns how many segments were removed.
 * @throws the system's error when one cannot be.
 */
export async function removeShipped(
  folder: string,
  keep: KeepConfig,
  { stored, signed }: RemovableUpTo,
  now: number,
): Promise<number> {
  if (keep.shippedMs === undefined && keep.shippedBytes === undefined) return 0;
  const segments = listSegments(folder);
  const closed = segments
    .slice(0, -NEVER_REMOVED)
    .map(({ name, first }, index): Closed => ({ name, first, last: (segments[index + 1]?.first ?? first) - 1 }));
  const shipped = closed.filter(({ last }) => last <= stored && last <= signed);
  const files = await Promise.all(
    shipped.map(async (segment) => ({ segment, found: await stat(join(folder, segment.name)) })),
  );
  let bytes = files.reduce((sum, { found }) => sum + found.size, 0);
  let removed = 0;
  for (const { segment, found } of files) {
    const old = keep.shippedMs !== undefined && now - found.mtimeMs >= keep.shippedMs;
    const many = keep.shippedBytes !== undefined && bytes > keep.shippedBytes;
    // Oldest first and without holes: what stays is one chain.
    if (!old && !many) break;
    // What comes after must be provable without what goes.
    if ((await stat(join(folder, boundaryName(segment.last + 1))).catch(() => undefined)) === undefined) break;
    await rm(join(folder, segment.name));
    await rm(join(folder, boundaryName(segment.first)), { force: true });
    bytes -= found.size;
    removed += 1;
  }
  return removed;
}
