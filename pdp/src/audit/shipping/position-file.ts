/** Remembers on disk how far the distributor has stored the chain, so that a restart knows before it asks. */

import { readFile } from 'node:fs/promises';
import type { ChainEnd } from '@portcullis/policy/evidence';
import { z } from 'zod';
import { writeDurably } from '../../bundles/durable-file.js';

/** File of the position, in the audit folder. */
export const SHIPPED_FILE = 'shipped';

const schema = z.strictObject({
  writer: z.string(),
  seq: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/**
 * What was remembered of this writer; `undefined` when there is nothing readable. Nobody believes it more than a place to
 * begin: nothing is removed before this process has a receipt of its own.
 */
export async function readShipped(file: string, writer: string): Promise<ChainEnd | undefined> {
  try {
    const found = schema.parse(JSON.parse(await readFile(file, 'utf8')));
    return found.writer === writer ? { seq: found.seq, hash: found.hash } : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces it. @throws the system's error. */
export async function writeShipped(file: string, writer: string, { seq, hash }: ChainEnd): Promise<void> {
  await writeDurably(file, Buffer.from(`${JSON.stringify({ writer, seq, hash })}\n`));
}
