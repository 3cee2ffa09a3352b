/** Takes in kill lists that PDPs were given directly, so that they reach those that were not. */

import { setTimeout as pause } from 'node:timers/promises';
import { KILL_SUBJECT, KILLS_FIELD, parseTargets } from '@portcullis/policy/trust';
import { LOG_FIELD, type Logger, PortcullisError, type Task } from '@portcullis/runtime';
import type { ChannelWriter } from '@portcullis/runtime/channel';
import type { Publisher } from '../release/publisher.js';

/** Before a channel whose messages ended is listened to again, in milliseconds. */
const RETRY_MS = 1_000;

/** Publishes what verifies. Many PDPs pass on the same list; all but the first change nothing. */
export function receiveKillsTask(
  channel: Pick<ChannelWriter, 'transport' | 'receive'>,
  publisher: Pick<Publisher, 'kill'>,
  log: Logger,
): Task {
  const take = async (message: Uint8Array): Promise<void> => {
    const env = environmentOf(message);
    if (env === undefined) return;
    await publisher.kill(env, message).catch((error: unknown) => {
      const fault = PortcullisError.from(error);
      if (fault.kind !== 'conflict') log.warn({ [LOG_FIELD.error]: fault }, 'Kill list of a PDP not taken');
    });
  };
  return {
    name: `kill lists over ${channel.transport}`,
    async run(signal) {
      while (!signal.aborted) {
        try {
          for await (const message of channel.receive(KILL_SUBJECT, signal)) await take(message);
        } catch (error: unknown) {
          log.warn({ [LOG_FIELD.error]: error, [LOG_FIELD.transport]: channel.transport }, 'Kill lists not received');
        }
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** Which environment's keys to ask; whoever lies about it is refused by them. */
function environmentOf(message: Uint8Array): string | undefined {
  const metadata = parseTargets(message);
  const field: unknown = metadata.ok ? metadata.value.signed.unrecognizedFields[KILLS_FIELD] : undefined;
  const env: unknown = typeof field === 'object' && field !== null ? Reflect.get(field, 'env') : undefined;
  return typeof env === 'string' ? env : undefined;
}
