/** What a request's head must satisfy before its body is read; works on `rawHeaders`, as reliability §5 asks. */

import type { Api } from './config.js';
import { apiOf, type Route, routeOf } from './routes.js';

/** An acceptable head. */
export interface Head {
  readonly ok: true;
  readonly route: Route;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A head that will not do. */
export interface BadHead {
  readonly ok: false;
  readonly api: Api;
  readonly status: number;
  readonly message: string;
}

/** Who may speak to us. */
export interface HeadRules {
  /** `host` (any port) or `host:port`, lower case. */
  readonly allowedHosts: readonly string[];
  /** `scheme://host` (any port) or `scheme://host:port`, lower case. */
  readonly allowedOrigins: readonly string[];
  readonly maxHeaders: number;
}

/** A second one of these would be read by someone else than us. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'origin',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'anthropic-version',
]);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Checks the request line and header fields. */
export function readHead(
  request: {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly rawHeaders: readonly string[];
  },
  rules: HeadRules,
): Head | BadHead {
  const { method = '', url = '', rawHeaders } = request;
  const headers = new Map<string, string>();
  const bad = (status: number, message: string): BadHead => ({ ok: false, api: apiOf(url, headers), status, message });
  if (rawHeaders.length / 2 > rules.maxHeaders) return bad(431, 'too many header fields');
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    if (RESERVED_NAMES.has(name)) return bad(400, 'reserved header name');
    const before = headers.get(name);
    if (before !== undefined && SINGLE.has(name)) return bad(400, `more than one ${name} header`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (!isAllowed(headers.get('host') ?? '', rules.allowedHosts)) return bad(403, 'host is not allowed');
  const origin = headers.get('origin');
  if (origin !== undefined && !isAllowed(origin, rules.allowedOrigins)) return bad(403, 'origin is not allowed');
  if (headers.has('upgrade')) return bad(400, 'upgrades are not supported');
  const route = routeOf(method, url, headers);
  if (route === undefined) return bad(404, 'no such endpoint');
  if (method === 'POST') {
    const type = (headers.get('content-type') ?? '').toLowerCase().replaceAll(/\s/g, '');
    if (type !== 'application/json' && type !== 'application/json;charset=utf-8')
      return bad(415, 'content-type must be application/json');
    const encoding = headers.get('content-encoding')?.toLowerCase();
    if (encoding !== undefined && encoding !== 'identity') return bad(415, 'content-encoding is not supported');
  } else if (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0') {
    return bad(400, 'no body expected');
  }
  return { ok: true, route, headers };
}

/** Equal to an entry, or equal to one that names no port, once the port is cut off. */
function isAllowed(value: string, allowed: readonly string[]): boolean {
  const lower = value.toLowerCase();
  return allowed.includes(lower) || allowed.includes(lower.replace(/:[0-9]{1,5}$/, ''));
}
