/**
 * Every JSON-RPC method and notification of MCP, in both directions, of all protocol revisions that we speak: what each
 * attempts and where its tool name and arguments are. Closed: what is not here is refused before anything is asked or
 * sent. The rows are those of `schema.ts` of the revisions 2024-11-05 to 2026-07-28, plus the tasks extension.
 */

import type { AttemptKind, JsonObject } from '@portcullis/policy/model';
import type { Direction } from '../../enforce/permit.js';
import { isObject } from './message.js';
import { type NameRule, PROMPT_NAME, RESOURCE_URI, TASK_ID, TOOL_NAME } from './names.js';

/** `legacy`: with `initialize` and sessions, up to 2025-11-25. `modern`: stateless, from 2026-07-28. */
export type Era = 'legacy' | 'modern';

/** One method. */
export interface MethodRow {
  readonly shape: 'request' | 'notification';
  readonly eras: readonly Era[];
  readonly kind: AttemptKind | ((params: JsonObject) => AttemptKind);
  /** The parameter that names what is addressed; becomes `tool.name`. */
  readonly name?: { readonly field: string; readonly rule: NameRule };
  /** Where `tool.arguments` is: the parameter of that name, or all parameters but `_meta`. */
  readonly args: 'arguments' | 'params';
  /** Whether 2026-07-28 over HTTP demands `Mcp-Name`. */
  readonly mirrored: boolean;
}

const BOTH: readonly Era[] = ['legacy', 'modern'];
const LEGACY: readonly Era[] = ['legacy'];
const MODERN: readonly Era[] = ['modern'];

type Extra = Partial<Pick<MethodRow, 'name' | 'args' | 'mirrored'>>;
function request(eras: readonly Era[], kind: MethodRow['kind'], extra: Extra = {}): MethodRow {
  return { shape: 'request', eras, kind, args: 'params', mirrored: false, ...extra };
}
function notification(eras: readonly Era[]): MethodRow {
  return { shape: 'notification', eras, kind: 'session', args: 'params', mirrored: false };
}

const tool = { field: 'name', rule: TOOL_NAME };
const prompt = { field: 'name', rule: PROMPT_NAME };
const resource = { field: 'uri', rule: RESOURCE_URI };
const task = { field: 'taskId', rule: TASK_ID };

/** What an agent may say to a server. */
const CLIENT_TO_SERVER: ReadonlyMap<string, MethodRow> = new Map([
  ['initialize', request(LEGACY, 'session')],
  ['ping', request(LEGACY, 'session')],
  ['server/discover', request(MODERN, 'session')],
  ['tools/list', request(BOTH, 'tool_list')],
  ['tools/call', request(BOTH, 'tool_call', { name: tool, args: 'arguments', mirrored: true })],
  ['resources/list', request(BOTH, 'resource')],
  ['resources/templates/list', request(BOTH, 'resource')],
  ['resources/read', request(BOTH, 'resource', { name: resource, mirrored: true })],
  ['resources/subscribe', request(LEGACY, 'resource', { name: resource })],
  ['resources/unsubscribe', request(LEGACY, 'resource', { name: resource })],
  ['subscriptions/listen', request(MODERN, listenKind)],
  ['prompts/list', request(BOTH, 'prompt')],
  ['prompts/get', request(BOTH, 'prompt', { name: prompt, args: 'arguments', mirrored: true })],
  ['completion/complete', request(BOTH, completionKind)],
  ['logging/setLevel', request(LEGACY, 'session')],
  ['tasks/get', request(BOTH, 'session', { name: task, mirrored: true })],
  ['tasks/result', request(LEGACY, 'session', { name: task })],
  ['tasks/list', request(LEGACY, 'session')],
  ['tasks/cancel', request(BOTH, 'session', { name: task, mirrored: true })],
  ['tasks/update', request(MODERN, 'session', { name: task, mirrored: true })],
  ['notifications/initialized', notification(LEGACY)],
  ['notifications/cancelled', notification(BOTH)],
  ['notifications/progress', notification(LEGACY)],
  ['notifications/roots/list_changed', notification(LEGACY)],
  ['notifications/tasks/status', notification(LEGACY)],
]);

/** What a server may say to an agent. In the modern era its requests ride inside results (`inputRequests`). */
const SERVER_TO_CLIENT: ReadonlyMap<string, MethodRow> = new Map([
  ['ping', request(LEGACY, 'session')],
  ['sampling/createMessage', request(BOTH, 'inference')],
  ['elicitation/create', request(BOTH, 'session')],
  ['roots/list', request(BOTH, 'resource')],
  ['tasks/get', request(LEGACY, 'session', { name: task })],
  ['tasks/result', request(LEGACY, 'session', { name: task })],
  ['tasks/list', request(LEGACY, 'session')],
  ['tasks/cancel', request(LEGACY, 'session', { name: task })],
  ['notifications/cancelled', notification(BOTH)],
  ['notifications/progress', notification(BOTH)],
  ['notifications/message', notification(BOTH)],
  ['notifications/resources/updated', notification(BOTH)],
  ['notifications/resources/list_changed', notification(BOTH)],
  ['notifications/tools/list_changed', notification(BOTH)],
  ['notifications/prompts/list_changed', notification(BOTH)],
  ['notifications/elicitation/complete', notification(LEGACY)],
  ['notifications/subscriptions/acknowledged', notification(MODERN)],
  ['notifications/tasks/status', notification(BOTH)],
  ['notifications/tasks', notification(MODERN)],
]);

/** All rows of a direction, for tests and documentation. */
export function methodTable(direction: Direction): ReadonlyMap<string, MethodRow> {
  return direction === 'client_to_server' ? CLIENT_TO_SERVER : SERVER_TO_CLIENT;
}

/** The row, or nothing when the method is not one of that direction and era. Exact match: case and spaces count. */
export function methodRow(method: string, direction: Direction, era: Era): MethodRow | undefined {
  const row = methodTable(direction).get(method);
  return row?.eras.includes(era) === true ? row : undefined;
}

/** What a message addresses. */
export interface Target {
  readonly kind: AttemptKind;
  readonly name?: string;
  readonly arguments?: JsonObject;
  /** The parameters that are neither name nor arguments; part of the question, because they go upstream too. */
  readonly rest: JsonObject;
}

/** Derives the target; a string says why the parameters are not acceptable (JSON-RPC -32602). */
export function targetOf(row: MethodRow, params: JsonObject): Target | string {
  const kind = typeof row.kind === 'string' ? row.kind : row.kind(params);
  const name = row.name === undefined ? undefined : params[row.name.field];
  if (row.name !== undefined) {
    if (typeof name !== 'string') return `params.${row.name.field} must be a string`;
    if (!row.name.rule.accepts(name)) return `params.${row.name.field} must be ${row.name.rule.expected}`;
  }
  const named = typeof name === 'string' ? { name } : {};
  if (row.args === 'params') {
    const { _meta: meta, ...args } = params;
    return { kind, ...named, arguments: args, rest: meta === undefined ? {} : { _meta: meta } };
  }
  const { arguments: args, ...others } = params;
  if (args !== undefined && !isObject(args)) return 'params.arguments must be an object';
  const rest = Object.fromEntries(Object.entries(others).filter(([key]) => key !== row.name?.field));
  return { kind, ...named, ...(args === undefined ? {} : { arguments: args }), rest };
}

/** Listening for list changes is what the protocol needs; listening to a resource is access to it. */
function listenKind(params: JsonObject): AttemptKind {
  const wanted = params['notifications'];
  const resources = isObject(wanted) ? wanted['resourceSubscriptions'] : undefined;
  return resources === undefined || (Array.isArray(resources) && resources.length === 0) ? 'session' : 'resource';
}

function completionKind(params: JsonObject): AttemptKind {
  const ref = params['ref'];
  return isObject(ref) && ref['type'] === 'ref/resource' ? 'resource' : 'prompt';
}
