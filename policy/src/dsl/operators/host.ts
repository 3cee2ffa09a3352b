import { domainToASCII, domainToUnicode } from 'node:url';
import { formatIp, parseIp } from './ip.js';

/** A host, or with `below` every host under it. */
export interface HostPattern {
  /** Canonical, see {@link canonicalHost}. */
  readonly host: string;
  /** Whether it means the subdomains, at any depth, and not the host itself. */
  readonly below: boolean;
}

const MAX_HOST_LENGTH = 253;
const CANONICAL = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;
/** What a URL parser would drop, decode, or take for another part of the URL. */
const NOT_OF_A_HOST = /[\s\0-\x20/\\?#@:%[\]\x7f]/;

/**
 * A host as it is compared: lower case, without the final dot, international names in their ASCII form (by the WHATWG
 * URL parser, whose reading is that of browsers and of `fetch`). An address is a host too; an IPv6 one comes back in
 * brackets. Nothing for what is not a host, such as one with a port.
 */
export function canonicalHost(text: string): string | undefined {
  // Almost every host: nothing to convert.
  if (isPlainName(text)) return text;
  // A zone says which interface of some machine; no host has one (WHATWG URL), and the address without it is another.
  const ip = text.includes(':') && !text.includes('%') ? parseIp(text.replace(/^\[(.*)\]$/, '$1')) : undefined;
  if (ip !== undefined) return ip.family === 4 ? formatIp(ip) : `[${formatIp(ip)}]`;
  if (text.length > MAX_HOST_LENGTH * 4 || NOT_OF_A_HOST.test(text)) return undefined;
  const url = URL.parse(`http://${text}/`);
  if (url === null) return undefined;
  const host = url.hostname.endsWith('.') ? url.hostname.slice(0, -1) : url.hostname;
  return host.length <= MAX_HOST_LENGTH && CANONICAL.test(host) && host.split('.').every(isLabel) ? host : undefined;
}

/**
 * Whether what calls itself an international name is one. The standard refuses those that are not; Node's URL parser does
 * not look when the whole text is ASCII.
 */
function isLabel(label: string): boolean {
  if (!label.startsWith('xn--')) return true;
  const unicode = domainToUnicode(label);
  return unicode !== label && domainToASCII(unicode) === label;
}

const DOT = 0x2e;
const HYPHEN = 0x2d;
const LOW_LINE = 0x5f;
const MAX_LABEL_LENGTH = 63;

/**
 * Whether a text is canonical beyond doubt: labels of lower-case letters, digits, - and _, the last one of letters, none
 * of them an international name. By hand, because it is asked of every host of every request.
 */
function isPlainName(text: string): boolean {
  if (text.length > MAX_HOST_LENGTH) return false;
  let labelStart = 0;
  let lettersOnly = true;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === DOT) {
      if (at === labelStart || at - labelStart > MAX_LABEL_LENGTH) return false;
      labelStart = at + 1;
      lettersOnly = true;
    } else if (unit < 0x61 || unit > 0x7a) {
      if (unit !== HYPHEN && unit !== LOW_LINE && (unit < 0x30 || unit > 0x39)) return false;
      lettersOnly = false;
    }
  }
  const last = text.length - labelStart;
  return lettersOnly && last > 0 && last <= MAX_LABEL_LENGTH && !text.includes('xn--');
}

/** Whether a canonical host is an address and not a name. */
export function isAddressHost(host: string): boolean {
  return host.startsWith('[') || parseIp(host) !== undefined;
}

/** Whether a canonical host is one that the pattern means. */
export function matchesHost(host: string, pattern: HostPattern): boolean {
  return pattern.below ? host.endsWith(`.${pattern.host}`) : host === pattern.host;
}
