/**
 * The HTTP+JSON binding of A2A 1.0 (specification v1.0.0, 11) as the JSON-RPC calls that it stands for: what is decided and what
 * goes to the peer is the same, however the local agent says it.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';

/** What a request line asks for. */
export interface RestTarget {
  readonly ok: true;
  /** As JSON-RPC names it. */
  readonly method: string;
  /** The parameters that its path and query give. */
  readonly params: JsonObject;
  /** Whether the others are in the body. */
  readonly body: 'required' | 'optional' | 'none';
  /** Of a success. */
  readonly status: 200 | 201 | 204;
}

/** A request line that is none of the binding's. */
export interface BadTarget {
  readonly ok: false;
  readonly status: 400 | 404 | 405;
  readonly problem: string;
}

interface Route {
  readonly verb: string;
  readonly path: RegExp;
  /** Names of what the path's groups are. */
  readonly names: readonly string[];
  readonly method: string;
  readonly query?: readonly string[];
  readonly body?: RestTarget['body'];
  readonly status?: RestTarget['status'];
}

/** One segment; a colon begins a verb, so within an id it is written %3A. */
const ID = '([^/:?#]+)';
const route = (
  verb: string,
  path: string,
  method: string,
  names: readonly string[],
  more: Partial<Route> = {},
): Route => ({
  verb,
  path: new RegExp(`^${path}$`),
  method,
  names,
  ...more,
});
const CONFIGS = `/tasks/${ID}/pushNotificationConfigs`;
const LISTED = ['pageSize', 'pageToken'];
const ROUTES: readonly Route[] = [
  route('POST', '/message:send', 'SendMessage', [], { body: 'required' }),
  route('POST', '/message:stream', 'SendStreamingMessage', [], { body: 'required' }),
  route('GET', '/tasks', 'ListTasks', [], {
    query: ['contextId', 'status', ...LISTED, 'historyLength', 'statusTimestampAfter', 'includeArtifacts'],
  }),
  route('GET', `/tasks/${ID}`, 'GetTask', ['id'], { query: ['historyLength'] }),
  route('POST', `/tasks/${ID}:cancel`, 'CancelTask', ['id'], { body: 'optional' }),
  route('POST', `/tasks/${ID}:subscribe`, 'SubscribeToTask', ['id'], { body: 'optional' }),
  route('GET', `/tasks/${ID}:subscribe`, 'SubscribeToTask', ['id']),
  route('POST', CONFIGS, 'CreateTaskPushNotificationConfig', ['taskId'], { body: 'required', status: 201 }),
  route('GET', CONFIGS, 'ListTaskPushNotificationConfigs', ['taskId'], { query: LISTED }),
  route('GET', `${CONFIGS}/${ID}`, 'GetTaskPushNotificationConfig', ['taskId', 'id']),
  route('DELETE', `${CONFIGS}/${ID}`, 'DeleteTaskPushNotificationConfig', ['taskId', 'id'], { status: 204 }),
  route('GET', '/extendedAgentCard', 'GetExtendedAgentCard', []),
];
const NUMBERS: ReadonlySet<string> = new Set(['historyLength', 'pageSize']);

/**
 * Reads what follows the peer's name. Compared as it is but for percent-encoded ids; a first segment that no path of the binding
 * begins with is a tenant.
 */
export function readRestTarget(verb: string, target: string): RestTarget | BadTarget {
  const [path = '', query, ...more] = target.split('?');
  if (more.length > 0) return bad(400, 'more than one question mark');
  const [, tenantText, rest = path] =
    /^\/([^/:]+)(\/(?:message:|tasks(?:[/:]|$)|extendedAgentCard$).*)$/.exec(path) ?? [];
  // A task of the name "tasks" is one: only what is no path without a tenant has one.
  const isWhole = ROUTES.some((known) => known.path.test(path));
  const used = isWhole ? path : rest;
  const tenant = isWhole || tenantText === undefined ? undefined : decoded(tenantText);
  if (!isWhole && tenantText !== undefined && tenant === undefined) return bad(400, 'the tenant is not acceptable');
  const here = ROUTES.filter((known) => known.path.test(used));
  if (here.length === 0) return bad(404, 'no such endpoint of the HTTP+JSON binding of A2A 1.0');
  const found = here.find((known) => known.verb === verb);
  if (found === undefined) return bad(405, `expected ${here.map((known) => known.verb).join(' or ')}`);
  const params: Record<string, Json> = tenant === undefined ? {} : { tenant };
  const [, ...groups] = found.path.exec(used) ?? [];
  for (const [at, name] of found.names.entries()) {
    const id = decoded(groups[at] ?? '');
    if (id === undefined) return bad(400, `${name}: not acceptable in a path`);
    params[name] = id;
  }
  const problem = query === undefined ? undefined : readQuery(query, found.query ?? [], params);
  if (problem !== undefined) return bad(400, problem);
  return {
    ok: true,
    method: found.method,
    params,
    body: found.body ?? 'none',
    status: found.status ?? 200,
  };
}

/** The parameters of path, query and body together; a text says where they disagree. */
export function withBody({ params }: RestTarget, body: JsonObject): JsonObject | string {
  for (const [name, value] of Object.entries(params)) {
    const said = body[name];
    if (said !== undefined && said !== '' && said !== value) return `${name}: differs from the one in the path`;
  }
  return { ...body, ...params };
}

function readQuery(query: string, allowed: readonly string[], params: Record<string, Json>): string | undefined {
  const seen = new Set<string>();
  for (const pair of query.split('&')) {
    const [name = '', text, ...more] = pair.split('=');
    if (!allowed.includes(name) || text === undefined || more.length > 0) {
      return `query: expected ${allowed.length === 0 ? 'none' : `only ${allowed.join(', ')}`}, each as name=value`;
    }
    if (seen.has(name)) return `query: more than one ${name}`;
    seen.add(name);
    const value = decoded(text.replaceAll('+', ' '), /^[^\p{Cc}]{1,2048}$/u);
    if (value === undefined) return `query: ${name} is not acceptable`;
    if (NUMBERS.has(name)) {
      if (!/^(?:0|[1-9][0-9]{0,8})$/.test(value)) return `query: ${name} must be a whole number`;
      params[name] = Number(value);
    } else if (name === 'includeArtifacts') {
      if (value !== 'true' && value !== 'false') return `query: ${name} must be true or false`;
      params[name] = value === 'true';
    } else params[name] = value;
  }
  return undefined;
}

function decoded(text: string, shape = /^[^\p{Cc}/]{1,512}$/u): string | undefined {
  try {
    const value = decodeURIComponent(text);
    return shape.test(value) && value !== '.' && value !== '..' ? value : undefined;
  } catch {
    return undefined;
  }
}

function bad(status: BadTarget['status'], problem: string): BadTarget {
  return { ok: false, status, problem };
}
