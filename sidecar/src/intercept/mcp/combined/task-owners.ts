/** Which server a task is of: the one whose answer named it first. */

import type { Json } from '@portcullis/policy/model';
import { isObject } from '../message.js';
import { TASK_ID } from '../names.js';

/** Knows owners. */
export interface TaskOwners {
  /** A server gave this result. */
  learn(server: string, brought: Json): void;
  /** The server; `several` where two have named it; nothing where none has, or that was long ago. */
  ownerOf(taskId: Json | undefined): { readonly server: string } | 'several' | undefined;
}

/** Most tasks of one server remembered. */
const MAX_TASKS = 10_000;

/** No tasks yet. @param maxTasks most of one server that are remembered; the one that was named first goes first */
export function createTaskOwners(maxTasks = MAX_TASKS): TaskOwners {
  /** Nothing: two servers have named it. */
  const owners = new Map<string, string | undefined>();
  /** By the server that named them first. */
  const named = new Map<string, Set<string>>();

  function learnTask(server: string, task: Json | undefined): void {
    const id = isObject(task) ? task['taskId'] : undefined;
    // What nobody may ask after need not be remembered, and is of any length.
    if (typeof id !== 'string' || !TASK_ID.accepts(id)) return;
    if (owners.has(id)) {
      if (owners.get(id) !== server) owners.set(id, undefined);
      return;
    }
    owners.set(id, server);
    const own = named.get(server) ?? new Set();
    named.set(server, own.add(id));
    const oldest = own.keys().next();
    if (own.size <= maxTasks || oldest.done === true) return;
    own.delete(oldest.value);
    owners.delete(oldest.value);
  }

  return {
    learn(server, brought) {
      if (!isObject(brought)) return;
      // 2026-07-28 names it in the result itself, 2025-11-25 in a member, and both in lists.
      if (brought['resultType'] === 'task') learnTask(server, brought);
      learnTask(server, brought['task']);
      const { tasks } = brought;
      if (Array.isArray(tasks)) for (const task of tasks) learnTask(server, task);
    },
    ownerOf(taskId) {
      if (typeof taskId !== 'string' || !owners.has(taskId)) return undefined;
      const server = owners.get(taskId);
      return server === undefined ? 'several' : { server };
    },
  };
}
