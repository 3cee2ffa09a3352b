/**
 * Where an HTTP request goes, in the one spelling that policies compare with. Whoever forwards the request may decode and
 * fold its target once more, and the server behind it again: a target that comes out differently then is refused here
 * (RFC 3986 §6.2.2 lists what they may do; double slashes, backslashes and path parameters they do besides).
 */

import type { EgressTarget } from '@portcullis/policy/model';
import { Unclear } from './unclear.js';

/** What of a request says where it goes. */
export interface RawTarget {
  readonly method: string;
  /** As it arrived, with the query. */
  readonly path: string;
  /** With or without a port. */
  readonly host: string;
  readonly scheme: string;
}

/** A target that cannot be taken for another. */
export interface HttpTarget {
  readonly egress: Required<Pick<EgressTarget, 'host' | 'method'>> & EgressTarget;
  /** Behind the question mark, as it arrived. */
  readonly query: string | undefined;
}

const METHOD = /^[A-Z][A-Z-]{0,31}$/;
const SCHEMES: Readonly<Record<string, number>> = { http: 80, https: 443 };
const NAME = /^(?=.{1,255}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::([1-9][0-9]{0,4}))?$/;
const ESCAPE = /%(..)/gs;
/** Escapes of these, and of control characters, mean something else once they are decoded. */
const TELLING = new Set(Buffer.from('%./\\;?#'));
const MAX_TARGET = 16_384;

/** @throws Unclear when it is not exactly one target */
export function readTarget({ method, path, host, scheme }: RawTarget): HttpTarget {
  if (!METHOD.test(method)) throw new Unclear('method', 'expected an HTTP method in capitals');
  const lower = scheme.toLowerCase();
  if (lower !== '' && SCHEMES[lower] === undefined) throw new Unclear('scheme', 'expected http or https');
  const authority = readAuthority(host);
  const port = authority.port ?? SCHEMES[lower];
  const common = {
    ...(lower === '' ? {} : { scheme: lower }),
    host: authority.host,
    ...(port === undefined ? {} : { port }),
    method,
  };
  if (method === 'CONNECT') {
    if (path !== '' && path !== host) throw new Unclear('path', 'a CONNECT has no path');
    return { egress: common, query: undefined };
  }
  if (method === 'OPTIONS' && path === '*') return { egress: { ...common, path }, query: undefined };
  const [rawPath = '', ...rest] = path.split('?');
  return {
    egress: { ...common, path: readPath(rawPath) },
    query: rest.length === 0 ? undefined : readQuery(rest.join('?')),
  };
}

function readAuthority(text: string): { readonly host: string; readonly port: number | undefined } {
  const [, address, name = '', digits] = AUTHORITY.exec(text.toLowerCase()) ?? [];
  // The root's dot makes no other host of it.
  const host = address ?? name.replace(/\.$/, '');
  const port = digits === undefined ? undefined : Number(digits);
  if (host === '' || (address === undefined && !NAME.test(host)) || (port ?? 0) > 65_535) {
    throw new Unclear('host', 'expected host or host:port, internationalised names in Punycode');
  }
  return { host, port };
}

/** Decoded once, when nothing can be decoded, folded or cut off afterwards. */
function readPath(raw: string): string {
  if (raw.length > MAX_TARGET) throw new Unclear('path', `expected at most ${MAX_TARGET} characters`);
  if (!raw.startsWith('/')) throw new Unclear('path', 'expected a path that begins with a slash');
  if (!/^[\x21-\x7e]*$/.test(raw)) throw new Unclear('path', 'has characters that must be escaped');
  if (/[\\#;]/.test(raw)) throw new Unclear('path', 'has a backslash, a fragment or a path parameter');
  if (raw.includes('//')) throw new Unclear('path', 'has an empty segment');
  if (raw.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new Unclear('path', 'has a dot segment');
  }
  for (const [, digits = ''] of raw.matchAll(ESCAPE)) {
    const byte = /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
    if (Number.isNaN(byte)) throw new Unclear('path', 'has a broken escape');
    if (byte < 0x20 || byte === 0x7f || TELLING.has(byte)) throw new Unclear('path', 'escapes what has a meaning');
  }
  if (/%.?$/.test(raw)) throw new Unclear('path', 'has a broken escape');
  const decoded = decoding(raw);
  if (/\p{C}/u.test(decoded)) throw new Unclear('path', 'escapes characters that cannot be seen');
  return decoded;
}

function decoding(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new Unclear('path', 'escapes bytes that are not UTF-8');
  }
}

function readQuery(raw: string): string {
  if (raw.length > MAX_TARGET) throw new Unclear('path', `expected a query of at most ${MAX_TARGET} characters`);
  if (!/^[\x21-\x7e]*$/.test(raw) || raw.includes('#'))
    throw new Unclear('path', 'the query has characters that must be escaped');
  return raw;
}
