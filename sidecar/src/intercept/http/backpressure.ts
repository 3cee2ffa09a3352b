/** Writing no faster than the reader reads. */

import type { Writable } from 'node:stream';

/** Writes, and waits while the stream is full. False when it is closed: nobody reads any more. Never rejects. */
export async function writeSlowly(stream: Writable, bytes: Buffer | string): Promise<boolean> {
  if (stream.destroyed || stream.writableEnded) return false;
  if (!stream.write(bytes)) {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('drain', done).off('close', done).off('error', done);
        resolve();
      };
      stream.on('drain', done).on('close', done).on('error', done);
    });
  }
  return !stream.destroyed;
}
