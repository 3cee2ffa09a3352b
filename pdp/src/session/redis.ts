/** Sessions in Redis, shared by every PDP that is given the same one (ADR-0014). */

import { createHash } from 'node:crypto';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import { Redis, type RedisOptions } from 'ioredis';
import {
  type SessionObserver,
  type SessionOperation,
  type SessionStore,
  type StoredKey,
  type StoreLimits,
  UNKNOWN_CAUSES,
  type Unknown,
} from './port.js';
import { FORGET, READ, REPLACE } from './redis-scripts.js';

/** How the store is reached. */
export interface RedisSessionOptions extends StoreLimits {
  /** `redis://[user:password@]host:port[/database]`. */
  readonly url: string;
  /** Read at every connection; without it the connection is in the clear. */
  readonly tls?: RedisOptions['tls'];
  /** Begins every key. */
  readonly prefix: string;
  /** An answer that takes longer is none, in milliseconds. */
  readonly timeoutMs: number;
  /** Time between looks at the label epoch, which other PDPs move as well, in milliseconds. */
  readonly epochPollMs: number;
  /** Told the label epoch as it is seen to grow. */
  readonly onLabelEpoch: (epoch: number) => void;
  readonly observer: Pick<SessionObserver, 'sessionStoreFailed'>;
  readonly log: Logger;
}

/** What a script says: outcome, cause or version, text. */
type Said = readonly [outcome: string, detail: string, text: string];

/** Connects in the background; until there is a connection, and whenever there is none, everything is unknown at once. */
export function createRedisSessionStore(options: RedisSessionOptions): SessionStore {
  const { observer, log, onLabelEpoch } = options;
  const redis = new Redis(options.url, clientOptions(options));
  // One slot of a cluster: what one script touches must be in one place.
  const prefix = `{${options.prefix}}:`;
  const scripts = { read: scriptOf(READ), replace: scriptOf(REPLACE), forget: scriptOf(FORGET) };
  let labelEpoch = 0;
  let isDown = false;
  redis.on('error', (error: Error) => {
    if (!isDown) log.warn({ [LOG_FIELD.error]: error }, 'Session store is not reachable');
    isDown = true;
  });
  redis.on('ready', () => {
    isDown = false;
  });

  const saw = (epoch: number): void => {
    if (!Number.isSafeInteger(epoch) || epoch <= labelEpoch) return;
    labelEpoch = epoch;
    onLabelEpoch(epoch);
  };
  const failed = (operation: SessionOperation, error: unknown): undefined => {
    observer.sessionStoreFailed(operation);
    log.debug({ [LOG_FIELD.error]: error, operation }, 'Session store failed');
    return undefined;
  };
  /** Undefined when it failed, which is counted. */
  const run = async (
    operation: keyof typeof scripts,
    { tenant, member }: StoredKey,
    args: readonly (string | number)[],
  ): Promise<Said | undefined> => {
    const { sha1, text } = scripts[operation];
    const keys = ['since', `s:${member}`, `live:${tenant}`, `known:${tenant}`, 'labels'].map((key) => prefix + key);
    const given = [member, options.warmUpMs, options.rememberMs, options.maxRemembered, ...args];
    try {
      const answer = await redis.evalsha(sha1, keys.length, ...keys, ...given).catch((error: unknown) => {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return redis.eval(text, keys.length, ...keys, ...given);
      });
      if (!Array.isArray(answer) || answer.length !== 4) throw new TypeError('not an answer of the script');
      const [outcome, detail, kept, epoch] = answer.map(String);
      saw(Number(epoch));
      return [outcome ?? '', detail ?? '', kept ?? ''];
    } catch (error) {
      return failed(operation, error);
    }
  };
  const poll = setInterval(() => {
    redis.get(`${prefix}labels`).then(
      (epoch) => saw(Number(epoch ?? 0)),
      (error: unknown) => failed('epoch', error),
    );
  }, options.epochPollMs);
  poll.unref();

  return {
    read: async (key, known = '') => {
      const said = await run('read', key, [known]);
      if (said === undefined) return unknown('store');
      const [outcome, detail, text] = said;
      if (outcome === 'same' || outcome === 'new') return { outcome };
      if (outcome === 'kept') return { outcome, version: detail, text };
      return unknown(detail);
    },
    replace: async (key, { previous = '', version, text, labelsChanged }) => {
      const { idleMs, maxSessions } = options;
      const changed = labelsChanged ? 1 : 0;
      const said = await run('replace', key, [previous, version, text, changed, idleMs, maxSessions, prefix]);
      if (said === undefined) return unknown('store');
      const [outcome, detail, present] = said;
      if (outcome === 'conflict') return { outcome, version: detail, text: present };
      return outcome === 'kept' ? { outcome } : unknown(detail);
    },
    forget: async (key) => void (await run('forget', key, [])),
    close: async () => {
      clearInterval(poll);
      redis.disconnect();
    },
  };
}

/** Each against a default of the client that hangs, repeats or queues. */
function clientOptions({ timeoutMs, tls }: RedisSessionOptions): Omit<RedisOptions, 'replyMapping'> {
  return {
    // Replies keep the shapes that the scripts are written for.
    protocol: 2,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    connectTimeout: 500,
    socketTimeout: 1_000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
    ...(tls === undefined ? {} : { tls }),
  };
}

function scriptOf(text: string): { readonly text: string; readonly sha1: string } {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/** What is not exactly one of the causes is no answer. */
function unknown(cause: string): Unknown {
  return { outcome: 'unknown', cause: UNKNOWN_CAUSES.find((one) => one === cause) ?? 'store' };
}
