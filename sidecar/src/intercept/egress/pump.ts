/** Moves bytes between an agent and a destination as they come, no faster than they are taken. */

import type { Duplex, Readable, Writable } from 'node:stream';
import { writeSlowly } from '../http/backpressure.js';
import type { Ending } from './evidence.js';
import type { Ledger } from './ledger.js';

/**
 * Copies until the end of `from`, which then ends `to`. What `admit` refuses is not written.
 * @returns false when it was refused, or when `to` is not there any more
 * @throws what `from` fails with
 */
export async function pump(
  from: Readable,
  to: Writable,
  admit: (bytes: number) => boolean | Promise<boolean>,
): Promise<boolean> {
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer;
    const admitted = admit(bytes.length);
    if (admitted !== true && !(await admitted)) return false;
    if (!(await writeSlowly(to, bytes))) return false;
  }
  to.end();
  return true;
}

/** Moves bytes both ways until both sides are done or the ledger says stop; both are closed then. Never rejects. */
export async function pumpBoth(client: Duplex, upstream: Duplex, ledger: Ledger): Promise<Ending> {
  const end = (): void => {
    client.destroy();
    upstream.destroy();
  };
  ledger.signal.addEventListener('abort', end);
  if (ledger.signal.aborted) end();
  let ending: Ending = 'completed';
  const ends = (failed: Ending) => (): void => {
    // The first failure is the cause, what follows from it is not.
    if (ending === 'completed') ending = failed;
    end();
  };
  await Promise.all([
    pump(client, upstream, ledger.sending).then(
      (done) => (done ? undefined : ends('upstream_failed')()),
      ends('client_left'),
    ),
    pump(upstream, client, ledger.receiving).then(
      (done) => (done ? undefined : ends('client_left')()),
      ends('upstream_failed'),
    ),
  ]);
  ledger.signal.removeEventListener('abort', end);
  return ending;
}
