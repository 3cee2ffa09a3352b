/** Reading a whole stream within a cap and a time. */

import type { Readable } from 'node:stream';

/** What became of it. `broken`: the other side left. */
export type Collected =
  | { readonly kind: 'all'; readonly bytes: Buffer }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'late' }
  | { readonly kind: 'broken' };

/** How much may be read, and how long it may take, from the first call. */
export interface CollectLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Reads to the end; stops reading, without destroying the stream, once a limit is passed. Never rejects. */
export function collect(stream: Readable, limits: CollectLimits): Promise<Collected> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    // Listeners stay: removing four costs more than all else here, and a late failure of a stream that nobody reads any
    // more must not end the process.
    const finish = (collected: Collected): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      chunks = [];
      if (collected.kind !== 'all') stream.pause();
      resolve(collected);
    };
    const onData = (chunk: Buffer): void => {
      if (isOver) return;
      size += chunk.length;
      if (size > limits.maxBytes) finish({ kind: 'too_large' });
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      const [first] = chunks;
      finish({ kind: 'all', bytes: first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks) });
    };
    const onBroken = (): void => finish({ kind: 'broken' });
    const timer = setTimeout(() => finish({ kind: 'late' }), limits.timeoutMs);
    stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

/** What an answer that should say nothing gets to end in. */
const EMPTY_MS = 1_000;

/** Reads a body that should be empty, so that its connection can be used again; one that is not ends the connection. */
export function discard(body: Readable): void {
  const timer = setTimeout(() => body.destroy(), EMPTY_MS);
  body
    .on('error', () => undefined)
    .on('close', () => clearTimeout(timer))
    .on('data', () => body.destroy());
}
