/** What a request's head must satisfy before its body is read (reliability §5, HTTP table). Works on `rawHeaders`. */

import { RPC_CODE } from '../../enforce/refuse.js';
import { isAllowedCaller } from '../http/caller.js';
import { type RestTarget, readRestTarget } from './rest.js';

/** A head that will not do. */
export interface BadHead {
  readonly ok: false;
  readonly status: number;
  readonly rpcCode: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An acceptable head: a message for a peer in either binding, or a look at its card. */
export interface Head {
  readonly ok: true;
  readonly wants: 'message' | 'card';
  /** What the request line asks for, where the message is in the HTTP+JSON binding. */
  readonly rest: RestTarget | undefined;
  /** The peer's name, from the path. */
  readonly peer: string;
  /** As whom we were addressed, e.g. `127.0.0.1:9300`. */
  readonly host: string;
  /** Lower-case names; each at most once where a second would matter. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Who may speak to us, about whom. */
export interface HeadRules {
  readonly peers: ReadonlySet<string>;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** Most header fields. */
  readonly maxHeaders: number;
}

/** Names of a card, of this and of older revisions. */
const CARD_PATHS: ReadonlySet<string> = new Set(['/.well-known/agent-card.json', '/.well-known/agent.json']);
/** Several fields of these names are one list, as HTTP has it; of others a second would be read by someone else than us. */
const LISTS: ReadonlySet<string> = new Set([
  'accept',
  'a2a-extensions',
  'cookie',
  'cache-control',
  'tracestate',
  'via',
]);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const PATH = /^\/a2a\/([A-Za-z0-9_-]{1,64})(\/[^#]*)?$/;

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
    if (before !== undefined && !LISTS.has(name)) return bad(400, `more than one ${name} header`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  // Host and Origin on their own, whatever the other says: a check of one is no check of the other (A6).
  const host = headers.get('host') ?? '';
  if (!isAllowedCaller(host, rules.allowedHosts)) return bad(403, 'host is not allowed');
  const origin = headers.get('origin');
  if (origin !== undefined && !isAllowedCaller(origin, rules.allowedOrigins)) return bad(403, 'origin is not allowed');
  if (headers.has('upgrade')) return bad(400, 'upgrades are not supported');

  // Compared as it is: no decoding, no normalising, no query.
  const [, peer = '', rest = ''] = PATH.exec(request.url ?? '') ?? [];
  if (!rules.peers.has(peer)) return bad(404, 'no such agent: expected /a2a/<peer>, with a peer that is configured');
  if (CARD_PATHS.has(rest)) {
    if (request.method !== 'GET') return bad(405, 'a card is read with GET', { allow: 'GET' });
    const length = headers.get('content-length') ?? '0';
    if (headers.has('transfer-encoding') || length !== '0') return bad(400, 'no body expected');
    return { ok: true, wants: 'card', rest: undefined, peer, host, headers };
  }
  const type = (headers.get('content-type') ?? '').toLowerCase().replaceAll(/\s/g, '');
  if (type.startsWith('application/grpc')) return bad(415, `the gRPC binding is not spoken here; ${BINDING}`);
  const target = rest === '' || rest === '/' ? undefined : readRestTarget(request.method ?? '', rest);
  if (target?.ok === false) return bad(target.status, target.problem);
  if (target === undefined && request.method !== 'POST')
    return bad(405, 'a message is sent with POST', { allow: 'POST' });
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return bad(415, 'content-encoding is not supported');
  const accepted: Head = { ok: true, wants: 'message', rest: target, peer, host, headers };
  const hasBody = headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0';
  if (target?.body === 'none' && hasBody) return bad(400, 'no body expected');
  // Clients name a type for nothing, too.
  if (target !== undefined && target.body !== 'required' && !hasBody) return accepted;
  if (target !== undefined && REST_TYPES.has(type)) return accepted;
  if (type !== 'application/json' && type !== 'application/json;charset=utf-8') {
    return bad(415, 'content-type must be application/json');
  }
  return accepted;
}

const BINDING = 'use one of the bindings that the agent card names';
const REST_TYPES: ReadonlySet<string> = new Set(['application/a2a+json', 'application/a2a+json;charset=utf-8']);

function bad(status: number, message: string, headers?: Readonly<Record<string, string>>): BadHead {
  const rpcCode = RPC_CODE.invalidRequest;
  return { ok: false, status, rpcCode, message, ...(headers === undefined ? {} : { headers }) };
}
