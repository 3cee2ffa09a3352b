/** Approvals in Redis, shared by every PDP that is given the same one (ADR-0016). */

import { LOG_FIELD, PortcullisError } from '@portcullis/runtime';
import type { RedisReach } from '../redis/redis-client.js';
import { openRedisScripts } from '../redis/redis-scripts.js';
import {
  type ApprovalCaps,
  type ApprovalOperation,
  type ApprovalStore,
  type Counted,
  DRAWN_MS,
  type Drawing,
  MAX_GRANTS_PER_TARGET,
} from './port.js';
import { readApproval, readGrant, readPresentation, unreadable } from './redis-answers.js';
import * as scripts from './redis-scripts.js';
import { needText } from './states.js';

/** How the store is reached, and what it believes. */
export interface RedisApprovalOptions extends RedisReach {
  /** Whether what people agreed to before the server's last start still counts: only for one that loses no write. */
  readonly survivesRestart: boolean;
  readonly caps: ApprovalCaps;
  readonly observer: { approvalStoreFailed(operation: ApprovalOperation): void };
}

/** Connects in the background; until there is a connection, and whenever there is none, every operation rejects at once. */
export function createRedisApprovalStore(options: RedisApprovalOptions): ApprovalStore {
  const { caps, observer, log } = options;
  const { evaluate, prefix, disconnect } = openRedisScripts(options, 'Approval store');
  const bound = options.survivesRestart ? 0 : 1;

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
  const drawing = (answer: unknown): Drawing => {
    if (answer !== 'drawn' && answer !== 'nothing' && answer !== 'answered') throw unreadable();
    return answer;
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
      return run('present', scripts.PRESENT, [`b:${binding}`, `u:${attempt}`], args, readPresentation);
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
    draw: (tenant, id, micros, attempt) =>
      run('draw', scripts.DRAW, [`g:${id}`, `u:${attempt}`], [tenant, micros, bound, id, DRAWN_MS], drawing),
    revokeGrant: (tenant, id) => run('revoke_grant', scripts.REVOKE_GRANT, [`g:${id}`], [tenant, bound], done),
    close: async () => disconnect(),
  };
}

function listOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw unreadable();
  return answer as readonly unknown[];
}
