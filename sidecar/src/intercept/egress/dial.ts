/**
 * The one file that opens connections of the egress proxy, and it does so for passages only: to the addresses that were
 * decided about, beginning in their order. There is no second look at the name.
 */

import { connect, type Socket } from 'node:net';
import { requirePermit } from '../../enforce/permit.js';
import type { Passage } from './admission.js';
import { serverOf } from './destination.js';

/** Connects. Rejects when no address accepted a connection, or when `signal` is aborted. */
export type Dial = (passage: Passage, signal: AbortSignal) => Promise<Socket>;

/** What an address gets before the next one is tried beside it, ms (RFC 8305 section 5). */
const HEAD_START_MS = 250;

/** Makes it. @param connectTimeoutMs for each address */
export function createDial(connectTimeoutMs: number): Dial {
  return async ({ permit, destination, addresses }, signal) => {
    requirePermit(permit, serverOf(destination), 'client_to_server');
    const decided = new AbortController();
    const either = AbortSignal.any([signal, decided.signal]);
    let before = Promise.resolve<unknown>(undefined);
    const attempts = addresses.map((address) => {
      const attempt = before.then(() => reach(address, destination.port, connectTimeoutMs, either));
      const failed = attempt.then(
        () => new Promise<never>(() => undefined),
        () => undefined,
      );
      before = Promise.race([failed, before.then(() => delay(HEAD_START_MS, either))]);
      return attempt;
    });
    const winner = Promise.any(attempts);
    try {
      return await winner;
    } finally {
      decided.abort();
      // One that was connected in the same moment is one too many.
      const first = await winner.catch(() => undefined);
      for (const attempt of attempts) {
        attempt.then(
          (socket) => (socket === first ? undefined : socket.destroy()),
          () => undefined,
        );
      }
    }
  };
}

/** Waits, or does not where nobody waits any more. Never rejects. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function reach(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('given up'));
    // An address is not looked up; that it stays so does not depend on how Node reads it.
    const lookup = (): never => {
      throw new TypeError('not an address');
    };
    const socket = connect({ host, port, lookup, noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    const leave = (): void => {
      socket.destroy(new Error('given up'));
    };
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      socket.off('error', failed);
    };
    const failed = (error: Error): void => {
      settled();
      reject(error);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      settled();
      // Whoever takes it over hears of failures; between the two, nobody must be hurt by one.
      socket.on('error', () => undefined);
      resolve(socket);
    });
    signal.addEventListener('abort', leave);
    return undefined;
  });
}
