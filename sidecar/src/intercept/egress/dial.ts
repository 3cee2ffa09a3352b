/**
 * The one file that opens connections of the egress proxy, and it does so for passages only: to the addresses that were
 * decided about, in their order. There is no second look at the name.
 */

import { connect, type Socket } from 'node:net';
import { requirePermit } from '../../enforce/permit.js';
import type { Passage } from './admission.js';
import { serverOf } from './destination.js';

/** Connects. Rejects with the last address's failure, or when `signal` is aborted. */
export type Dial = (passage: Passage, signal: AbortSignal) => Promise<Socket>;

/** Makes it. @param connectTimeoutMs for each address */
export function createDial(connectTimeoutMs: number): Dial {
  return async ({ permit, destination, addresses }, signal) => {
    requirePermit(permit, serverOf(destination), 'client_to_server');
    let failure: unknown = new Error('there is no address to connect to');
    for (const address of addresses) {
      try {
        return await reach(address, destination.port, connectTimeoutMs, signal);
      } catch (thrown) {
        failure = thrown;
        if (signal.aborted) break;
      }
    }
    throw failure;
  };
}

function reach(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
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
    if (signal.aborted) leave();
  });
}
