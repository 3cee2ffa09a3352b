/** Waits for the beginning of a TLS handshake on a socket, without consuming it. */

import type { Duplex } from 'node:stream';
import { type HelloRead, readClientHello } from './client-hello.js';

/** What came. `late` and `too_large`: nothing that could be judged within the limits; `gone`: the client left. */
export type HelloSeen =
  | Exclude<HelloRead, { readonly kind: 'incomplete' }>
  | { readonly kind: 'late' | 'too_large' | 'gone' };

/** Reads it, and puts it back. Never rejects. */
export function readHello(
  socket: Duplex,
  limits: { readonly maxHelloBytes: number; readonly helloTimeoutMs: number },
  signal: AbortSignal,
): Promise<HelloSeen> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    let isOver = false;
    const finish = (seen: HelloSeen): void => {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', gone);
      socket.off('readable', onReadable).off('end', gone).off('close', gone).off('error', gone);
      if (bytes.length > 0 && seen.kind !== 'gone') socket.unshift(bytes);
      resolve(seen);
    };
    const gone = (): void => finish({ kind: 'gone' });
    const onReadable = (): void => {
      // One piece at a time: what is left over is not announced again.
      while (!isOver) {
        const chunk = socket.read() as Buffer | null;
        if (chunk === null) return;
        bytes = Buffer.concat([bytes, chunk]);
        const read = readClientHello(bytes.subarray(0, limits.maxHelloBytes));
        if (read.kind !== 'incomplete') finish(read);
        else if (bytes.length > limits.maxHelloBytes) finish({ kind: 'too_large' });
      }
    };
    const timer = setTimeout(() => finish({ kind: 'late' }), limits.helloTimeoutMs);
    signal.addEventListener('abort', gone);
    socket.on('readable', onReadable).on('end', gone).on('close', gone).on('error', gone);
    if (signal.aborted || socket.destroyed) gone();
  });
}
