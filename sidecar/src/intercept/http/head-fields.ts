/**
 * The header fields of a request, and whether their caller may speak to us at all; before anything else is looked at. Works
 * on `rawHeaders`: Node's joined and deduplicated view hides exactly what an attacker would use.
 */

import { isAllowedCaller } from './caller.js';

/** Who may speak to us. */
export interface CallerRules {
  /** `host` (any port) or `host:port`, lower case. */
  readonly allowedHosts: readonly string[];
  /** `scheme://host` (any port) or `scheme://host:port`, lower case. */
  readonly allowedOrigins: readonly string[];
  /** Most header fields. */
  readonly maxHeaders: number;
}

/** What was read. */
export interface HeadFields {
  /** Lower-case names; where something is wrong, as far as they were read. Several fields of one name are one list, as HTTP has it. */
  readonly headers: ReadonlyMap<string, string>;
  /** The HTTP status and the reason why the request is refused. */
  readonly bad?: {
    readonly status: number;
    readonly message: string;
    /** The field that was there twice. */
    readonly repeated?: string;
  };
}

const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** @param mayRepeat whether a second field of a name is harmless; of others it would be read by someone else than us */
export function readHeadFields(
  rawHeaders: readonly string[],
  { allowedHosts, allowedOrigins, maxHeaders }: CallerRules,
  mayRepeat: (name: string) => boolean,
): HeadFields {
  const headers = new Map<string, string>();
  if (rawHeaders.length / 2 > maxHeaders) return { headers, bad: { status: 431, message: 'too many header fields' } };
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    if (RESERVED_NAMES.has(name)) return { headers, bad: { status: 400, message: 'reserved header name' } };
    const before = headers.get(name);
    if (before !== undefined && !mayRepeat(name))
      return { headers, bad: { status: 400, message: `more than one ${name} header`, repeated: name } };
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  // Host and Origin on their own, whatever the other says: a check of one is no check of the other (A6).
  if (!isAllowedCaller(headers.get('host') ?? '', allowedHosts))
    return { headers, bad: { status: 403, message: 'host is not allowed' } };
  const origin = headers.get('origin');
  if (origin !== undefined && !isAllowedCaller(origin, allowedOrigins))
    return { headers, bad: { status: 403, message: 'origin is not allowed' } };
  return { headers };
}

/** Whether the body is said to be JSON, as it is: status and reason otherwise. */
export function contentProblem(
  headers: ReadonlyMap<string, string>,
): { readonly status: number; readonly message: string } | undefined {
  const said = headers.get('content-type') ?? '';
  const type = said === 'application/json' ? said : said.toLowerCase().replaceAll(/\s/g, '');
  if (type !== 'application/json' && type !== 'application/json;charset=utf-8')
    return { status: 415, message: 'content-type must be application/json' };
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  return encoding === 'identity' ? undefined : { status: 415, message: 'content-encoding is not supported' };
}
