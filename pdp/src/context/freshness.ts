/** How long an answer may be used, by what it says of itself (RFC 9111 §5.2.2). */

import type { IncomingHttpHeaders } from 'node:http';

/** Longer is not told from for ever, in seconds (RFC 9111 §1.2.2). */
const LONGEST_SECONDS = 2 ** 31;
const FORBIDS = ['no-store', 'no-cache'];
const LIMITS = ['max-age', 's-maxage'];

/**
 * Milliseconds for which the answer may be used; `Infinity` when it does not say. Where it says it in two ways the shorter counts, and what
 * cannot be understood counts as no time at all. What was spent in caches before us (`Age`) is taken off.
 */
export function freshMsOf(headers: Pick<IncomingHttpHeaders, 'cache-control' | 'age'>): number {
  const limits = (headers['cache-control'] ?? '').split(',').flatMap((part) => {
    const [name = '', ...value] = part.split('=').map((text) => text.trim());
    const directive = name.toLowerCase();
    if (FORBIDS.includes(directive)) return [0];
    return LIMITS.includes(directive) ? [secondsOf(value.join('='))] : [];
  });
  if (limits.length === 0) return Number.POSITIVE_INFINITY;
  const age = headers.age === undefined ? 0 : secondsOf(headers.age, LONGEST_SECONDS);
  return Math.max(0, Math.min(...limits) - age) * 1_000;
}

function secondsOf(text: string, otherwise = 0): number {
  const digits = /^(?:"([0-9]+)"|([0-9]+))$/.exec(text.trim());
  const value = digits?.[1] ?? digits?.[2];
  return value === undefined ? otherwise : Math.min(Number(value), LONGEST_SECONDS);
}
