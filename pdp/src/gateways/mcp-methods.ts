/**
 * What a client of MCP may say to a server, in all revisions: what each method attempts, and where its name and arguments
 * are. Closed: what is not here is denied. The sidecar decides by the same rows; a test holds the two tables together.
 */

import type { AttemptKind, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../http/body.js';
import { Unclear } from './unclear.js';

interface Row {
  readonly kind: AttemptKind | ((params: JsonObject) => AttemptKind);
  /** The parameter that becomes `tool.name`. */
  readonly name?: keyof typeof NAMES;
  /** Whether `params.arguments` are the arguments, and not all parameters. */
  readonly hasArguments?: true;
  readonly isNotification?: true;
  /** 2026-07-28 dropped it, or brought it. */
  readonly era?: 'legacy' | 'modern';
}

const TOOL = /^[A-Za-z0-9_.\-/]{1,128}$/;
const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;
const HIDDEN = /[\p{C}\p{Z}]/u;
const isTool = (name: string): boolean =>
  TOOL.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
const NAMES = {
  name: (text: string, method: string): boolean => (method === 'tools/call' ? isTool(text) : PRINTABLE.test(text)),
  uri: (text: string): boolean => text.length > 0 && text.length <= 8_192 && !HIDDEN.test(text),
  taskId: (text: string): boolean => PRINTABLE.test(text),
};

const legacySession = { kind: 'session', era: 'legacy' } as const;
const notification = { kind: 'session', isNotification: true } as const;

/** By method. */
export const MCP_METHODS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['initialize', legacySession],
  ['ping', legacySession],
  ['server/discover', { kind: 'session', era: 'modern' }],
  ['tools/list', { kind: 'tool_list' }],
  ['tools/call', { kind: 'tool_call', name: 'name', hasArguments: true }],
  ['resources/list', { kind: 'resource' }],
  ['resources/templates/list', { kind: 'resource' }],
  ['resources/read', { kind: 'resource', name: 'uri' }],
  ['resources/subscribe', { kind: 'resource', name: 'uri', era: 'legacy' }],
  ['resources/unsubscribe', { kind: 'resource', name: 'uri', era: 'legacy' }],
  ['subscriptions/listen', { kind: listenKind, era: 'modern' }],
  ['prompts/list', { kind: 'prompt' }],
  ['prompts/get', { kind: 'prompt', name: 'name', hasArguments: true }],
  ['completion/complete', { kind: completionKind }],
  ['logging/setLevel', legacySession],
  ['tasks/get', { kind: 'session', name: 'taskId' }],
  ['tasks/result', { ...legacySession, name: 'taskId' }],
  ['tasks/list', legacySession],
  ['tasks/cancel', { kind: 'session', name: 'taskId' }],
  ['tasks/update', { kind: 'session', name: 'taskId', era: 'modern' }],
  ['notifications/initialized', { ...notification, era: 'legacy' }],
  ['notifications/cancelled', notification],
  ['notifications/progress', { ...notification, era: 'legacy' }],
  ['notifications/roots/list_changed', { ...notification, era: 'legacy' }],
  ['notifications/tasks/status', { ...notification, era: 'legacy' }],
]);

/** What a message addresses; the parameters that are neither name nor arguments ride in the tool's attributes. */
export interface McpTarget {
  readonly kind: AttemptKind;
  readonly isNotification: boolean;
  readonly era: 'legacy' | 'modern' | undefined;
  readonly name: string | undefined;
  readonly tool: JsonObject;
}

/** Derives it. @throws Unclear for a method that is not one, or parameters that do not fit it */
export function mcpTarget(method: string, params: JsonObject): McpTarget {
  const row = MCP_METHODS.get(method);
  if (row === undefined) throw new Unclear('method', 'is not a method of an MCP client');
  const name = row.name === undefined ? undefined : params[row.name];
  if (row.name !== undefined && (typeof name !== 'string' || !NAMES[row.name](name, method))) {
    throw new Unclear(`params.${row.name}`, 'expected a name without surprises');
  }
  const { arguments: args, _meta: meta, ...others } = params;
  if (row.hasArguments === true && args !== undefined && !isObject(args)) {
    throw new Unclear('params.arguments', 'expected an object');
  }
  const rest: JsonObject =
    row.hasArguments === true
      ? Object.fromEntries(Object.entries(params).filter(([member]) => member !== 'arguments' && member !== row.name))
      : meta === undefined
        ? {}
        : { _meta: meta };
  const given = row.hasArguments === true ? args : { ...others, ...(args === undefined ? {} : { arguments: args }) };
  return {
    kind: typeof row.kind === 'string' ? row.kind : row.kind(params),
    isNotification: row.isNotification === true,
    era: row.era,
    name: typeof name === 'string' ? name : undefined,
    tool: {
      operation: method,
      ...(typeof name === 'string' ? { name } : {}),
      ...(given === undefined ? {} : { arguments: given }),
      attributes: { direction: 'client_to_server', ...(Object.keys(rest).length === 0 ? {} : { params: rest }) },
    },
  };
}

function listenKind(params: JsonObject): AttemptKind {
  const wanted = params['notifications'];
  const resources = isObject(wanted) ? wanted['resourceSubscriptions'] : undefined;
  return resources === undefined || (Array.isArray(resources) && resources.length === 0) ? 'session' : 'resource';
}

function completionKind(params: JsonObject): AttemptKind {
  const ref = params['ref'];
  return isObject(ref) && ref['type'] === 'ref/resource' ? 'resource' : 'prompt';
}
