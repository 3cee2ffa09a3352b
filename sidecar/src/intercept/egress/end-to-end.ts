/** Which header fields pass a proxy (RFC 9110 section 7.6.1). */

import { listOf } from './head.js';

/** Fields for one connection only, and those that concern proxies. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/**
 * The fields that go on, in their order and spelling: not the hop-by-hop ones, not those that Connection names, and not
 * `Expect`, which is dealt with here. Nothing is added; Via in particular is not.
 */
export function endToEnd(rawHeaders: readonly string[]): string[] {
  const named = new Set<string>();
  eachField(rawHeaders, (name, value) => {
    if (name.toLowerCase() === 'connection') for (const token of listOf(value)) named.add(token);
  });
  const passed: string[] = [];
  eachField(rawHeaders, (name, value) => {
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower) && lower !== 'expect') passed.push(name, value);
  });
  return passed;
}

function eachField(rawHeaders: readonly string[], visit: (name: string, value: string) => void): void {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) visit(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
}
