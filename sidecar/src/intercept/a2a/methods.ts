/**
 * Every JSON-RPC method of A2A, in both generations that are spoken: 1.0 (specification v1.0.0, 9.4) and 0.3
 * (specification v0.3.0, 7). A closed table: what is not in it is refused.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../mcp/message.js';

/** A generation of A2A. They share no method name, so the name tells which one is spoken. */
export const GENERATIONS = ['1.0', '0.3'] as const;
/** A generation of A2A. */
export type Generation = (typeof GENERATIONS)[number];

/** What is known of a method. */
export interface MethodRow {
  readonly generation: Generation;
  /** The answer may be an event stream. */
  readonly streams: boolean;
  /** Where its parameters name a task: in the message that they carry, or in this member; in neither when absent. */
  readonly task?: 'message' | 'id' | 'taskId';
  /** The answer is an agent card. */
  readonly answersCard?: true;
}

const v10 = { generation: '1.0', streams: false } as const;
const v03 = { generation: '0.3', streams: false } as const;

const METHODS: { readonly [method: string]: MethodRow } = {
  SendMessage: { ...v10, task: 'message' },
  SendStreamingMessage: { ...v10, streams: true, task: 'message' },
  GetTask: { ...v10, task: 'id' },
  ListTasks: v10,
  CancelTask: { ...v10, task: 'id' },
  SubscribeToTask: { ...v10, streams: true, task: 'id' },
  CreateTaskPushNotificationConfig: { ...v10, task: 'taskId' },
  GetTaskPushNotificationConfig: { ...v10, task: 'taskId' },
  ListTaskPushNotificationConfigs: { ...v10, task: 'taskId' },
  DeleteTaskPushNotificationConfig: { ...v10, task: 'taskId' },
  GetExtendedAgentCard: { ...v10, answersCard: true },
  'message/send': { ...v03, task: 'message' },
  'message/stream': { ...v03, streams: true, task: 'message' },
  'tasks/get': { ...v03, task: 'id' },
  'tasks/list': v03,
  'tasks/cancel': { ...v03, task: 'id' },
  'tasks/resubscribe': { ...v03, streams: true, task: 'id' },
  'tasks/pushNotificationConfig/set': { ...v03, task: 'taskId' },
  'tasks/pushNotificationConfig/get': { ...v03, task: 'id' },
  'tasks/pushNotificationConfig/list': { ...v03, task: 'id' },
  'tasks/pushNotificationConfig/delete': { ...v03, task: 'id' },
  'agent/getAuthenticatedExtendedCard': { ...v03, answersCard: true },
};

/** The names of all methods. */
export const METHOD_NAMES: readonly string[] = Object.keys(METHODS);

/** The method's row; nothing when it is none of A2A's. */
export function methodRow(method: string): MethodRow | undefined {
  return Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
}

/** The task that parameters name. */
export function taskOf(row: MethodRow, params: JsonObject): string | undefined {
  const message = params['message'];
  const named =
    row.task === 'message'
      ? isObject(message)
        ? message['taskId']
        : undefined
      : row.task === undefined
        ? undefined
        : params[row.task];
  return typeof named === 'string' && named !== '' ? named : undefined;
}

/** The task that a result is about: a task, or an update of one, in the shape of either generation. */
export function taskOfResult(result: Json): string | undefined {
  if (!isObject(result)) return undefined;
  const { task, statusUpdate, artifactUpdate, kind } = result;
  const named = isObject(task)
    ? task['id']
    : isObject(statusUpdate)
      ? statusUpdate['taskId']
      : isObject(artifactUpdate)
        ? artifactUpdate['taskId']
        : kind === 'task'
          ? result['id']
          : result['taskId'];
  return typeof named === 'string' && named !== '' ? named : undefined;
}
