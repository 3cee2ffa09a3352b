/** A connection to Redis that never hangs, repeats or queues. */

import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import { Redis, type RedisOptions } from 'ioredis';

/** A connection; nobody else imports the client. */
export type { Redis } from 'ioredis';

/** How Redis is reached. */
export interface RedisReach {
  /** `redis://[user:password@]host:port[/database]`. */
  readonly url: string;
  /** Read at every connection; without it the connection is in the clear. */
  readonly tls?: RedisOptions['tls'];
  /** Begins every key. Where scripts touch several keys, it names their hash slot. */
  readonly prefix: string;
  /** An answer that takes longer is none, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** Connects in the background; while there is no connection, everything rejects at once. @param store what the log calls it */
export function connectRedis(reach: Omit<RedisReach, 'prefix'>, store: string): Redis {
  const redis = new Redis(reach.url, clientOptions(reach));
  let isDown = false;
  redis.on('error', (error: Error) => {
    if (!isDown) reach.log.warn({ [LOG_FIELD.error]: error }, `${store} is not reachable`);
    isDown = true;
  });
  redis.on('ready', () => {
    isDown = false;
  });
  return redis;
}

/** Each against a default of the client that hangs, repeats or queues. */
function clientOptions({ timeoutMs, tls }: Pick<RedisReach, 'timeoutMs' | 'tls'>): Omit<RedisOptions, 'replyMapping'> {
  return {
    // Replies keep the shapes that are read from them.
    protocol: 2,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    connectTimeout: 500,
    // Never before the answer itself is late.
    socketTimeout: Math.max(1_000, 2 * timeoutMs),
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
    ...(tls === undefined ? {} : { tls }),
  };
}
