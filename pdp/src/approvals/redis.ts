/** Approvals in Redis, shared by every PDP that is given the same one (ADR-0016). */

import { createHash } from 'node:crypto';
import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import { Redis, type RedisOptions } from 'ioredis';
import {
  type ApprovalCaps,
  type ApprovalOperation,
  type ApprovalStore,
  type Counted,
  MAX_GRANTS_PER_TARGET,
} from './port.js';
import { readApproval, readGrant, readPresentation, unreadable } from './redis-answers.js';
import * as scripts from './redis-scripts.js';
import { needText } from './states.js';

/** How the store is reached. */
export interface RedisApprovalOptions {
  /** `redis://[user:password@]host:port[/database]`. */
  readonly url: string;
  /** Read at every connection; without it the connection is in the clear. */
  readonly tls?: RedisOptions['tls'];
  /** Begins every key. */
  readonly prefix: string;
  /** An answer that takes longer is none, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether what people agreed to before the server's last start still counts: only for one that loses no write. */
  readonly survivesRestart: boolean;
  readonly caps: ApprovalCaps;
  readonly observer: { approvalStoreFailed(operation: ApprovalOperation): void };
  readonly log: Logger;
}

/** Connects in the background; until there is a connection, and whenever there is none, every operation rejects at once. */
export function createRedisApprovalStore(options: RedisApprovalOptions): ApprovalStore {
  const { caps, observer, log } = options;
  const redis = new Redis(options.url, clientOptions(options));
  const prefix = `{${options.prefix}}:`;
  const bound = options.survivesRestart ? 0 : 1;
  const sha1 = new Map<string, string>(
    Object.values(scripts).map((text) => [text, createHash('sha1').update(text).digest('hex')]),
  );
  let isDown = false;
  redis.on('error', (error: Error) => {
    if (!isDown) log.warn({ [LOG_FIELD.error]: error }, 'Approval store is not reachable');
    isDown = true;
  });
  redis.on('ready', () => {
    isDown = false;
  });

  const evaluate = async (script: string, keys: readonly string[], args: readonly (string | number)[]) => {
    const named = keys.map((key) => prefix + key);
    try {
      return await redis.evalsha(sha1.get(script) ?? '', named.length, ...named, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(script, named.length, ...named, ...args);
    }
  };
  /** Runs a script and reads its answer; whatever goes wrong counts and is one fault. */
  const run = async <T>(
    operation: ApprovalOperation,
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    read: (answer: unknown) => T,
  ): Promise<T> => {
    try {
      return read(await evaluate(script, keys, args));
    } catch (cause) {
      observer.approvalStoreFailed(operation);
      log.debug({ [LOG_FIELD.error]: cause, operation }, 'Approval store failed');
      throw new PortcullisError('ERR_APPROVAL_STORE', 'unavailable', 'the approval store does not answer', { cause });
    }
  };
  const counted = (answer: unknown): Counted => {
    const [outcome, now, ...fields] = listOf(answer);
    if (outcome === 'missing') return { outcome };
    if (outcome !== 'counted' && outcome !== 'repeated' && outcome !== 'closed') throw unreadable();
    return { outcome, approval: readApproval(fields, now) };
  };
  const all = <T>(read: (fields: readonly unknown[], now: unknown) => T) => {
    return (answer: unknown): readonly T[] => {
      const [now, ...found] = listOf(answer);
      return found.map((fields) => read(listOf(fields), now));
    };
  };
  const done = (answer: unknown): boolean => {
    if (answer !== 0 && answer !== 1) throw unreadable();
    return answer === 1;
  };
  const grants = async (operation: 'grants' | 'grants_for', key: string) =>
    run(operation, scripts.GRANTS, [key], [prefix, operation === 'grants' ? 0 : 1, bound], all(readGrant));

  return {
    present: async (held) => {
      const { id, binding, attempt, tenant, agent, bundle, releaseSeq, definition, needs, about, lifetimeMs, basis } =
        held;
      const head = [prefix, binding, attempt, id, tenant, agent, bundle, releaseSeq, definition];
      const documents = [JSON.stringify(needs), JSON.stringify(about)];
      const bounds = [lifetimeMs, caps.perAgent, caps.perTenant, caps.keepMs, bound, held.after, basis];
      const asked = needs.flatMap((need) => [needText(need), need.quorum]);
      const args = [...head, ...documents, ...bounds, ...asked];
      return run('present', scripts.PRESENT, [`b:${binding}`], args, readPresentation);
    },
    find: (tenant, id) =>
      run('find', scripts.FIND, [`p:${id}`], [tenant], (answer) => {
        const [now, ...fields] = listOf(answer);
        return fields.length === 0 ? undefined : readApproval(fields, now);
      }),
    list: (tenant, { states, limit }) =>
      run('list', scripts.LIST, [`k:${tenant}`], [prefix, limit, ...states], all(readApproval)),
    vote: async (tenant, id, { person, says, holds, comment }) => {
      const known = await run('find', scripts.FIND, [`p:${id}`], [tenant], (answer) => listOf(answer));
      const [now, ...fields] = known;
      if (fields.length === 0) return { outcome: 'missing' };
      // What an approval asks for never changes.
      const { needs } = readApproval(fields, now);
      const numbers = needs.flatMap(({ hold }, index) => (holds.includes(hold) ? [index + 1] : []));
      const args = [prefix, tenant, id, person, says, JSON.stringify(holds), comment, bound, ...numbers];
      return run('vote', scripts.VOTE, [`p:${id}`], args, counted);
    },
    revoke: (tenant, id, why) => run('revoke', scripts.REVOKE, [`p:${id}`], [prefix, tenant, id, why], counted),
    overdue: (share, limit) =>
      run('overdue', scripts.OVERDUE, ['e'], [prefix, Math.round(share * 1e6), limit], all(readApproval)),
    keepGrant: async ({ lifetimeMs, ...grant }) => {
      const { id, target, tenant, count, budget } = grant;
      const bounds = [MAX_GRANTS_PER_TARGET, caps.grantsPerTenant, caps.keepMs, bound];
      const args = [id, tenant, JSON.stringify(grant), count, budget?.micros ?? -1, lifetimeMs, ...bounds];
      return run('keep_grant', scripts.KEEP_GRANT, [`g:${id}`, `gt:${target}`, `gk:${tenant}`], args, done);
    },
    grantsFor: (target) => grants('grants_for', `gt:${target}`),
    grants: async (tenant) =>
      (await grants('grants', `gk:${tenant}`)).toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)),
    findGrant: (tenant, id) =>
      run('find_grant', scripts.FIND, [`g:${id}`], [tenant], (answer) => {
        const [now, ...fields] = listOf(answer);
        return fields.length === 0 ? undefined : readGrant(fields, now);
      }),
    draw: (tenant, id, micros) => run('draw', scripts.DRAW, [`g:${id}`], [tenant, micros, bound], done),
    revokeGrant: (tenant, id) => run('revoke_grant', scripts.REVOKE_GRANT, [`g:${id}`], [tenant, bound], done),
    close: async () => redis.disconnect(),
  };
}

function listOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw unreadable();
  return answer as readonly unknown[];
}

/** Each against a default of the client that hangs, repeats or queues. */
function clientOptions({ timeoutMs, tls }: RedisApprovalOptions): Omit<RedisOptions, 'replyMapping'> {
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
