/** Sessions in Redis, shared by every PDP that is given the same one (ADR-0014). */

import { LOG_FIELD } from '@portcullis/runtime';
import { connectRedis, type RedisReach } from '../redis/redis-connection.js';
import { scriptRunner, slotPrefix } from '../redis/redis-scripts.js';
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
export interface RedisSessionOptions extends RedisReach, StoreLimits {
  /** Time between looks at the label epoch, which other PDPs move as well, in milliseconds. */
  readonly epochPollMs: number;
  /** Told the label epoch as it is seen to grow. */
  readonly onLabelEpoch: (epoch: number) => void;
  readonly observer: Pick<SessionObserver, 'sessionStoreFailed'>;
}

/** What a script says: outcome, cause or version, text. */
type Said = readonly [outcome: string, detail: string, text: string];

const SCRIPTS = { read: READ, replace: REPLACE, forget: FORGET };

/** Connects in the background; until there is a connection, and whenever there is none, everything is unknown at once. */
export function createRedisSessionStore(options: RedisSessionOptions): SessionStore {
  const { observer, log, onLabelEpoch } = options;
  const redis = connectRedis(options, 'Session store');
  const evaluate = scriptRunner(redis);
  const prefix = slotPrefix(options.prefix);
  let labelEpoch = 0;

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
    operation: keyof typeof SCRIPTS,
    { tenant, member }: StoredKey,
    args: readonly (string | number)[],
  ): Promise<Said | undefined> => {
    const keys = ['since', `s:${member}`, `live:${tenant}`, `known:${tenant}`, 'labels'].map((key) => prefix + key);
    const given = [member, options.warmUpMs, options.rememberMs, options.maxRemembered, ...args];
    try {
      const answer = await evaluate(SCRIPTS[operation], keys, given);
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

/** What is not exactly one of the causes is no answer. */
function unknown(cause: string): Unknown {
  return { outcome: 'unknown', cause: UNKNOWN_CAUSES.find((one) => one === cause) ?? 'store' };
}
