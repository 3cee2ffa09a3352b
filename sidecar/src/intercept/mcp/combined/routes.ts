/** Which server a request of the agent is for. Told by what it names, never guessed. */

import type { JsonObject } from '@portcullis/policy/model';
import { isObject, type RpcRequest } from '../message.js';
import { splitName } from './names.js';
import type { FetchList } from './pages.js';
import type { ResourceOwners } from './resource-owners.js';
import type { TaskOwners } from './task-owners.js';

/** Where it goes. */
export type Route =
  /** To this server, as this message; `name` is its own name for what is addressed by one. */
  | { readonly kind: 'forward'; readonly server: string; readonly message: RpcRequest; readonly name?: string }
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'unknown_method' };

/** What routes are found by. */
export interface RouteParts {
  readonly servers: readonly string[];
  readonly resources: ResourceOwners;
  readonly tasks: TaskOwners;
  /** Brings lists as the servers give them. */
  readonly listed: FetchList;
}

const BY_NAME: ReadonlySet<string> = new Set(['tools/call', 'prompts/get']);
const BY_URI: ReadonlySet<string> = new Set(['resources/read', 'resources/subscribe', 'resources/unsubscribe']);
const BY_TASK: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update']);
const NAMES = 'must be <server>__<name>, as the lists here say it';

/** Never rejects. */
export async function routeOf(message: RpcRequest, parts: RouteParts): Promise<Route> {
  const { method, params } = message;
  if (BY_NAME.has(method)) {
    const split = splitName(params['name'], parts.servers);
    if (split === undefined) return invalid(`params.name ${NAMES}`);
    return { ...to(split.server, message, { ...params, name: split.name }), name: split.name };
  }
  if (BY_URI.has(method)) {
    const { uri } = params;
    if (typeof uri !== 'string') return invalid('params.uri must be a string');
    const owner = await ownerOf('params.uri', uri, parts);
    return typeof owner === 'string' ? invalid(owner) : to(owner.server, message, params);
  }
  if (BY_TASK.has(method)) {
    const owner = parts.tasks.ownerOf(params['taskId']);
    if (owner === undefined) return invalid('params.taskId: no server has named this task here; use /mcp/<name>');
    if (owner === 'several') return invalid('params.taskId: several servers have named this task; use /mcp/<name>');
    return to(owner.server, message, params);
  }
  return method === 'completion/complete' ? completion(message, parts) : { kind: 'unknown_method' };
}

async function completion(message: RpcRequest, parts: RouteParts): Promise<Route> {
  const { params } = message;
  const { ref } = params;
  if (!isObject(ref)) return invalid('params.ref must be an object');
  if (ref['type'] === 'ref/prompt') {
    const split = splitName(ref['name'], parts.servers);
    if (split === undefined) return invalid(`params.ref.name ${NAMES}`);
    return to(split.server, message, { ...params, ref: { ...ref, name: split.name } });
  }
  const { uri } = ref;
  if (ref['type'] !== 'ref/resource' || typeof uri !== 'string')
    return invalid('params.ref must be a ref/prompt with a name, or a ref/resource with a uri');
  const owner = await ownerOf('params.ref.uri', uri, parts);
  return typeof owner === 'string' ? invalid(owner) : to(owner.server, message, params);
}

/** The one server that claims a URI, or why there is none. */
export async function ownerOf(
  field: string,
  uri: string,
  { resources, servers, listed }: RouteParts,
): Promise<{ readonly server: string } | string> {
  const [server, ...others] = await resources.ownersOf(uri, servers, listed);
  if (server === undefined) return `${field}: no server lists this resource, or a template of it; use /mcp/<name>`;
  if (others.length > 0) return `${field}: ${[server, ...others].join(' and ')} list this resource; use /mcp/<name>`;
  return { server };
}

function to(server: string, message: RpcRequest, params: JsonObject): Route & { readonly kind: 'forward' } {
  return { kind: 'forward', server, message: { ...message, params, value: { ...message.value, params } } };
}

function invalid(message: string): Route {
  return { kind: 'invalid', message };
}
