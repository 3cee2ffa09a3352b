/**
 * What a request's head must satisfy before its body is read (reliability §5, HTTP table). Works on `rawHeaders`:
 * Node's joined and deduplicated view hides exactly what an attacker would use.
 */

import type { JsonObject } from '@portcullis/policy/model';
import { RPC_CODE } from '../../enforce/refuse.js';
import { isAllowedCaller } from '../http/caller.js';

/** A head that will not do: the HTTP status, and the JSON-RPC error that explains it. */
export interface BadHead {
  readonly ok: false;
  readonly status: number;
  readonly rpcCode: number;
  readonly message: string;
  /** Extra response headers, e.g. `allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly data?: JsonObject;
}

/** HTTP verbs that MCP uses. */
export type McpVerb = 'POST' | 'GET' | 'DELETE';

/** Stands for all servers at once, where that is served: the path without a name. */
export const ALL_SERVERS = '';

/** An acceptable head. */
export interface Head {
  readonly ok: true;
  readonly verb: McpVerb;
  /** The upstream's name, from the path. */
  readonly server: string;
  /** Lower-case names; each at most once where a second would matter. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Who may speak to us. */
export interface HeadRules {
  readonly servers: ReadonlySet<string>;
  /** `host` (any port) or `host:port`, lower case. */
  readonly allowedHosts: readonly string[];
  /** `scheme://host` (any port) or `scheme://host:port`, lower case. */
  readonly allowedOrigins: readonly string[];
  /** Most header fields. */
  readonly maxHeaders: number;
}

/** A second one of these would be read by someone else than us. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'origin',
  'authorization',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'last-event-id',
  'mcp-session-id',
]);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const VERBS: ReadonlySet<string> = new Set<McpVerb>(['POST', 'GET', 'DELETE']);
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/** Checks the request line and header fields. */
export function readHead(
  request: {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly rawHeaders: readonly string[];
  },
  rules: HeadRules,
): Head | BadHead {
  if (request.rawHeaders.length / 2 > rules.maxHeaders) return bad(431, 'too many header fields');
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] ?? '').toLowerCase();
    const value = request.rawHeaders[at + 1] ?? '';
    if (RESERVED_NAMES.has(name)) return bad(400, 'reserved header name');
    const before = headers.get(name);
    if (before !== undefined && name.startsWith('mcp-') && name !== 'mcp-session-id') {
      return bad(400, `more than one ${name} header`, RPC_CODE.headerMismatch);
    }
    if (before !== undefined && SINGLE.has(name)) return bad(400, `more than one ${name} header`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }

  // Host and Origin on their own, whatever the other says: a check of one is no check of the other (A6).
  if (!isAllowedCaller(headers.get('host') ?? '', rules.allowedHosts)) return bad(403, 'host is not allowed');
  const origin = headers.get('origin');
  if (origin !== undefined && !isAllowedCaller(origin, rules.allowedOrigins)) return bad(403, 'origin is not allowed');

  const url = request.url ?? '';
  if (!url.startsWith('/')) return bad(400, 'only origin-form targets are accepted');
  // Compared as it is: no decoding, no normalising, no query.
  const server = url === '/mcp' ? ALL_SERVERS : url.startsWith('/mcp/') ? url.slice('/mcp/'.length) : undefined;
  if (server === undefined || (url === '/mcp/' && server === ALL_SERVERS) || !rules.servers.has(server))
    return bad(404, 'no such MCP server');
  const verb = request.method ?? '';
  if (!isVerb(verb)) return bad(405, 'method is not allowed', undefined, { allow: 'POST, GET, DELETE' });
  if (server === ALL_SERVERS && verb !== 'POST') return bad(405, 'method is not allowed', undefined, { allow: 'POST' });
  if (headers.has('upgrade')) return bad(400, 'upgrades are not supported');
  const session = headers.get('mcp-session-id');
  if (session !== undefined && !SESSION_ID.test(session)) return bad(400, 'mcp-session-id is not acceptable');
  const wrongBody = verb === 'POST' ? checkContent(headers) : checkNoContent(headers);
  if (wrongBody !== undefined) return wrongBody;
  return checkAccept(headers, verb) ?? { ok: true, verb, server, headers };
}

function checkContent(headers: ReadonlyMap<string, string>): BadHead | undefined {
  const type = (headers.get('content-type') ?? '').toLowerCase().replaceAll(/\s/g, '');
  if (type !== 'application/json' && type !== 'application/json;charset=utf-8') {
    return bad(415, 'content-type must be application/json');
  }
  const encoding = headers.get('content-encoding')?.toLowerCase();
  if (encoding !== undefined && encoding !== 'identity') return bad(415, 'content-encoding is not supported');
  return undefined;
}

function checkNoContent(headers: ReadonlyMap<string, string>): BadHead | undefined {
  const length = headers.get('content-length');
  if (headers.has('transfer-encoding') || (length !== undefined && length !== '0')) return bad(400, 'no body expected');
  return undefined;
}

/** The upstream judges which of the types suffice; here only what could not be answered at all is turned away. */
function checkAccept(headers: ReadonlyMap<string, string>, verb: McpVerb): BadHead | undefined {
  const accept = headers.get('accept')?.toLowerCase();
  if (accept === undefined || verb === 'DELETE' || accept.includes('*/*')) return undefined;
  const wanted = verb === 'GET' ? ['text/event-stream'] : ['application/json', 'text/event-stream'];
  return wanted.some((type) => accept.includes(type))
    ? undefined
    : bad(406, `accept must include ${wanted.join(' and ')}`);
}

function isVerb(method: string): method is McpVerb {
  return VERBS.has(method);
}

function bad(
  status: number,
  message: string,
  rpcCode: number = RPC_CODE.invalidRequest,
  headers?: Readonly<Record<string, string>>,
): BadHead {
  return { ok: false, status, rpcCode, message, ...(headers === undefined ? {} : { headers }) };
}
