/** What a request's head must satisfy before its body is read (reliability §5, HTTP table). */

import type { JsonObject } from '@portcullis/policy/model';
import { RPC_CODE } from '../../enforce/refuse.js';
import { type CallerRules, contentProblem, readHeadFields } from '../http/head-fields.js';

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

/** Who may speak to us, about which servers. */
export interface HeadRules extends CallerRules {
  readonly servers: ReadonlySet<string>;
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
]);
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
  const { headers, bad: unfit } = readHeadFields(request.rawHeaders, rules, mayRepeat);
  if (unfit !== undefined) {
    const isMirror = unfit.repeated?.startsWith('mcp-') === true && unfit.repeated !== 'mcp-session-id';
    return bad(unfit.status, unfit.message, isMirror ? RPC_CODE.headerMismatch : undefined);
  }

  const url = request.url ?? '';
  if (!url.startsWith('/')) return bad(400, 'only origin-form targets are accepted');
  // Compared as it is: no decoding, no normalising, no query.
  const server = url === '/mcp' ? ALL_SERVERS : url.startsWith('/mcp/') ? url.slice('/mcp/'.length) : undefined;
  if (server === undefined || (url === '/mcp/' && server === ALL_SERVERS) || !rules.servers.has(server))
    return bad(404, 'no such MCP server');
  const verb = request.method ?? '';
  if (!isVerb(verb)) return bad(405, 'method is not allowed', undefined, { allow: 'POST, GET, DELETE' });
  if (headers.has('upgrade')) return bad(400, 'upgrades are not supported');
  const session = headers.get('mcp-session-id');
  if (session !== undefined && !isSessionId(session)) return bad(400, 'mcp-session-id is not acceptable');
  const wrongBody = verb === 'POST' ? checkContent(headers) : checkNoContent(headers);
  if (wrongBody !== undefined) return wrongBody;
  return checkAccept(headers, verb) ?? { ok: true, verb, server, headers };
}

/** Mirrors of the body are there once, whatever they are called. */
function mayRepeat(name: string): boolean {
  return !SINGLE.has(name) && !name.startsWith('mcp-');
}

function checkContent(headers: ReadonlyMap<string, string>): BadHead | undefined {
  const problem = contentProblem(headers);
  return problem === undefined ? undefined : bad(problem.status, problem.message);
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

/** Whether a session may have this id: visible ASCII (2025-11-25, "Session Management"), at most 1024 characters. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
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
