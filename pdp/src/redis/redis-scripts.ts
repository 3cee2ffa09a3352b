/** Scripts that Redis runs, each one atomic step. */

import { createHash } from 'node:crypto';
import type { Redis } from './redis-client.js';
import { connectRedis, type RedisReach } from './redis-client.js';

/** Runs a script. Rejects at once while there is no connection. */
export type EvaluateScript = (
  script: string,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

/** Runs scripts on a connection of its own. */
export interface RedisScripts {
  /** Begins every key, with the braces of its slot. */
  readonly prefix: string;
  /** Keys are given without the prefix. */
  readonly evaluate: EvaluateScript;
  disconnect(): void;
}

/** Connects in the background. @param store what the log calls it */
export function openRedisScripts(reach: RedisReach, store: string): RedisScripts {
  const redis = connectRedis(reach, store);
  const run = scriptsOn(redis);
  const prefix = slotPrefix(reach);
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

/** One slot of a cluster: what one script touches must be in one place. */
export function slotPrefix({ prefix }: Pick<RedisReach, 'prefix'>): string {
  return `{${prefix}}:`;
}

/** Scripts on this connection, with their keys in full; by their digests as soon as the server has them. */
export function scriptsOn(redis: Pick<Redis, 'evalsha' | 'eval'>): EvaluateScript {
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
