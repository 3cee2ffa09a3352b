/**
 * What the head of a proxied request must satisfy (RFC 9110, RFC 9112). Works on `rawHeaders`: Node's joined and
 * deduplicated view hides exactly what an attacker would use. Node's strict parser has refused what is not HTTP before.
 */

import { type Authority, readAuthority, sameAuthority } from './destination.js';

/** A head that will not do. */
export interface BadHead {
  readonly ok: false;
  readonly status: number;
  readonly message: string;
}

/** A head that is in order. */
export interface Head {
  readonly ok: true;
  readonly method: string;
  /** Pairs as they arrived. */
  readonly rawHeaders: readonly string[];
  /** By lower-case name, lists joined. */
  readonly fields: ReadonlyMap<string, string>;
  /** Whether there may be no Host field: HTTP/1.0, which some clients still speak to proxies. */
  readonly mayLackHost: boolean;
  /** Bytes of the body: a number, `chunked`, or 0 where there is none. */
  readonly length: number | 'chunked';
}

/** What is asked of heads. */
export interface HeadRules {
  readonly maxHeaders: number;
  /** Whether headers that name another method or path than the request line are refused. */
  readonly refuseOverrides: boolean;
}

/** A second one of these would be read by someone else than us. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-type',
  'content-length',
  'transfer-encoding',
  'proxy-authorization',
  'upgrade',
  'expect',
]);
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
/** Other ways than the request line to say what is asked for; some servers believe them. */
const OVERRIDES: readonly string[] = [
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
];
/** What frames or routes the message may not be dropped on the way. */
const NEVER_HOP_BY_HOP: ReadonlySet<string> = new Set(['host', 'content-length', 'content-type', 'authorization']);
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

/** Checks method and fields; `request` is of any form. */
export function readHead(
  request: {
    readonly method?: string | undefined;
    readonly httpVersion?: string;
    readonly rawHeaders: readonly string[];
  },
  rules: HeadRules,
): Head | BadHead {
  const { method = '', rawHeaders } = request;
  if (!METHOD.test(method)) return bad(400, 'the method is not acceptable');
  // It would be answered with the credentials of whoever asks.
  if (method === 'TRACE') return bad(405, 'TRACE is not supported');
  if (rawHeaders.length / 2 > rules.maxHeaders) return bad(431, 'too many header fields');
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    if (RESERVED_NAMES.has(name)) return bad(400, 'reserved header name');
    const before = fields.get(name);
    if (before !== undefined && SINGLE.has(name)) return bad(400, `more than one ${name} header`);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (rules.refuseOverrides) {
    const override = OVERRIDES.find((name) => fields.has(name));
    if (override !== undefined) return bad(400, `the header ${override} names another request than the request line`);
  }
  const dropped = listOf(fields.get('connection')).find((name) => NEVER_HOP_BY_HOP.has(name));
  if (dropped !== undefined) return bad(400, `connection must not name ${dropped}`);
  const expected = fields.get('expect')?.toLowerCase();
  if (expected !== undefined && expected !== '100-continue') return bad(417, 'expectations are not supported');
  const length = bodyLength(fields);
  return length === undefined
    ? bad(400, 'the length of the body is in doubt')
    : { ok: true, method, rawHeaders, fields, length, mayLackHost: request.httpVersion === '1.0' };
}

/** Whether the Host field names `authority`. */
export function hostAgrees(head: Head, authority: Authority, defaultPort: number | undefined): boolean {
  const host = head.fields.get('host');
  if (host === undefined) return head.mayLackHost;
  const named = readAuthority(host, defaultPort ?? authority.port);
  return named !== undefined && sameAuthority(named, authority);
}

/** The members of a list of tokens, in lower case. */
export function listOf(value: string | undefined): readonly string[] {
  return (value ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function bodyLength(fields: ReadonlyMap<string, string>): number | 'chunked' | undefined {
  const coding = fields.get('transfer-encoding');
  const length = fields.get('content-length');
  if (coding !== undefined) return coding.toLowerCase() === 'chunked' && length === undefined ? 'chunked' : undefined;
  if (length === undefined) return 0;
  const bytes = /^[0-9]{1,16}$/.test(length) ? Number(length) : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function bad(status: number, message: string): BadHead {
  return { ok: false, status, message };
}
