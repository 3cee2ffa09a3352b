/**
 * What servers may speak of to one client: progress of the requests that they were sent for it, and tasks that they named to it. Tokens
 * and task ids are not rewritten here, so that one server could tell a client of another's.
 */

import type { Json } from '@portcullis/policy/model';
import { idKey, isObject, isRpcId, type RpcNotification, type RpcRequest } from '../message.js';
import type { TaskOwners } from './task-owners.js';

/** They. */
export interface Subjects {
  /** A request of the client is about to go to a server. */
  sent(server: string, request: RpcRequest): void;
  /** What a server gave is about to go to the client. */
  named(server: string, brought: Json): void;
  /** Whether what a server says is about nothing of others'; told on where it is not. */
  areOf(server: string, said: RpcRequest | RpcNotification): boolean;
}

/** Most progress tokens of one client remembered; the one that was sent first goes first. A task's outlives its request. */
const MAX_TOKENS = 4096;
const PROGRESS = 'notifications/progress';
const OF_TASKS: ReadonlySet<string> = new Set(['notifications/tasks/status', 'notifications/tasks']);
const RELATED = 'io.modelcontextprotocol/related-task';

/** Nothing was sent yet. @param dropped told of what is about something of others' */
export function createSubjects(tasks: TaskOwners, dropped: () => void): Subjects {
  /** By token, the server that was sent it last. */
  const tokens = new Map<string, string>();

  function areOf(server: string, { method, params }: RpcRequest | RpcNotification): boolean {
    const { progressToken, taskId, _meta: meta } = params;
    if (method === PROGRESS && !(isRpcId(progressToken) && tokens.get(idKey(progressToken)) === server)) return false;
    if (OF_TASKS.has(method) && !isOwner(server, tasks.ownerOf(taskId))) return false;
    const related = isObject(meta) ? meta[RELATED] : undefined;
    if (related === undefined) return true;
    // Its server may speak of it while the answer that names it is still on its way.
    const owner = isObject(related) ? tasks.ownerOf(related['taskId']) : 'several';
    return owner === undefined || isOwner(server, owner);
  }

  return {
    sent(server, { params: { _meta: meta } }) {
      const token = isObject(meta) ? meta['progressToken'] : undefined;
      if (!isRpcId(token)) return;
      const key = idKey(token);
      tokens.delete(key);
      tokens.set(key, server);
      const oldest = tokens.keys().next();
      if (tokens.size > MAX_TOKENS && oldest.done !== true) tokens.delete(oldest.value);
    },
    named: (server, brought) => tasks.learn(server, brought),
    areOf(server, said) {
      const are = areOf(server, said);
      if (!are) dropped();
      return are;
    },
  };
}

function isOwner(server: string, owner: ReturnType<TaskOwners['ownerOf']>): boolean {
  return typeof owner === 'object' && owner.server === server;
}
