/** A connection to Redis that runs scripts, each one atomic step, and never hangs, repeats or queues. */

import { createHash } from 'node:crypto';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import { Redis, type RedisOptions } from 'ioredis';

/** How Redis is reached. */
export interface RedisReach {
  /** `redis://[user:password@]host:port[/database]`. */
  readonly url: string;
  /** Read at every connection; without it the connection is in the clear. */
  readonly tls?: RedisOptions['tls'];
  /** Begins every key. Names one hash slot. */
  readonly prefix: string;
  /** An answer that takes longer is none, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** Runs scripts. */
export interface RedisScripts {
  /** Begins every key, with the braces of its slot. */
  readonly prefix: string;
  /** @param keys without the prefix. Rejects at once while there is no connection. */
  evaluate(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  disconnect(): void;
}

/** Connects in the background. @param store what the log calls it */
export function openRedisScripts(reach: RedisReach, store: string): RedisScripts {
  const { log } = reach;
  const redis = new Redis(reach.url, clientOptions(reach));
  // One slot of a cluster: what one script touches must be in one place.
  const prefix = `{${reach.prefix}}:`;
  const digests = new Map<string, string>();
  let isDown = false;
  redis.on('error', (error: Error) => {
    if (!isDown) log.warn({ [LOG_FIELD.error]: error }, `${store} is not reachable`);
    isDown = true;
  });
  redis.on('ready', () => {
    isDown = false;
  });
  const digestOf = (script: string): string => {
    const known = digests.get(script) ?? createHash('sha1').update(script).digest('hex');
    digests.set(script, known);
    return known;
  };
  return {
    prefix,
    evaluate: async (script, keys, args) => {
      const named = keys.map((key) => prefix + key);
      try {
        return await redis.evalsha(digestOf(script), named.length, ...named, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return redis.eval(script, named.length, ...named, ...args);
      }
    },
    disconnect: () => redis.disconnect(),
  };
}

/** Each against a default of the client that hangs, repeats or queues. */
function clientOptions({ timeoutMs, tls }: RedisReach): Omit<RedisOptions, 'replyMapping'> {
  return {
    // Replies keep the shapes that the scripts are written for.
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
