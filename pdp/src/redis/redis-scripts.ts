/** Scripts in Redis: each is one atomic step. */

import { createHash } from 'node:crypto';
import { connectRedis, type RedisConnection, type RedisReach } from './redis-connection.js';

/** Runs a script. Rejects at once while there is no connection. @param keys whole */
export type RunScript = (
  script: string,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

/** Asks for scripts by their digest, and sends the text only to a server that does not know it. */
export function scriptRunner(redis: RedisConnection): RunScript {
  const digests = new Map<string, string>();
  const digestOf = (script: string): string => {
    const known = digests.get(script) ?? createHash('sha1').update(script).digest('hex');
    digests.set(script, known);
    return known;
  };
  return async (script, keys, args) => {
    try {
      return await redis.evalsha(digestOf(script), keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(script, keys.length, ...keys, ...args);
    }
  };
}

/** The prefix of keys that are all in one slot of a cluster: what one script touches must be in one place. */
export function slotPrefix(prefix: string): string {
  return `{${prefix}}:`;
}

/** A connection that does nothing else. */
export interface RedisScripts {
  /** Begins every key, with the braces of its slot. */
  readonly prefix: string;
  /** @param keys without the prefix. Rejects at once while there is no connection. */
  evaluate: RunScript;
  disconnect(): void;
}

/** Connects in the background. @param store what the log calls it */
export function openRedisScripts(reach: RedisReach, store: string): RedisScripts {
  const redis = connectRedis(reach, store);
  const run = scriptRunner(redis);
  const prefix = slotPrefix(reach.prefix);
  return {
    prefix,
    evaluate: (script, keys, args) =>
      run(
        script,
        keys.map((key) => prefix + key),
        args,
      ),
    disconnect: () => redis.disconnect(),
  };
}
