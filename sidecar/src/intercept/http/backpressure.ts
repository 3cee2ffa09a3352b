/** Writing no faster than the reader reads, and ending so that it is read. */

import type { Duplex, Writable } from 'node:stream';

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

/** What a client gets to read the last words, ms. */
const LAST_WORDS_MS = 1_000;

/**
 * Says something and closes: what is still coming is thrown away, because to close on it would take the words back (TCP). A
 * client that never ends its side is not waited for.
 */
export function endWith(socket: Duplex, words: string | Buffer = ''): void {
  destroyLater(socket);
  socket.resume();
  socket.end(words);
}

/** Closes once the last words can have been read, if nobody has by then. @returns the timer, to let it stay open */
export function destroyLater(socket: Duplex): NodeJS.Timeout {
  const timer = setTimeout(() => socket.destroy(), LAST_WORDS_MS);
  socket.once('close', () => clearTimeout(timer));
  return timer;
}
