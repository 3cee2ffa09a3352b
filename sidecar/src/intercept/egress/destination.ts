/** Where an agent wants to connect to, read once, as the decision and the connection both see it. */

import { attemptTargetOf } from '@portcullis/policy/model';
import { canonicalHost, isAddressHost } from '@portcullis/policy/network';
import type { RefusedTarget } from '../../ask/port.js';

/** The protocols that an attempt may name; `tcp` is a tunnel that nobody looks into. */
export type EgressScheme = 'http' | 'https' | 'ws' | 'wss' | 'tcp';

/** A destination that is beyond doubt. */
export interface Destination {
  readonly scheme: EgressScheme;
  /** As the WHATWG URL parser reads it, without the final dot; an IPv6 address stands in brackets. */
  readonly host: string;
  readonly port: number;
}

/** A host and a port. */
export type Authority = Pick<Destination, 'host' | 'port'>;

/** What would be dropped, decoded to something else, or taken for another part of a URL. */
const NOT_OF_AN_AUTHORITY = /[\0-\x20\x7f/\\?#@]/;
const MAX_AUTHORITY = 1_100;

/**
 * Reads `host:port`. Nothing for what the WHATWG URL parser refuses, and for what it reads as a host that is no name of
 * the DNS (RFC 1123 section 2.1, and underscores).
 * @param defaultPort where none is named; without one a port has to be.
 */
export function readAuthority(text: string, defaultPort?: number): Authority | undefined {
  const { host: named, port: written } = split(text);
  if (named === '' || text.length > MAX_AUTHORITY || NOT_OF_AN_AUTHORITY.test(text)) return undefined;
  const port = written === undefined ? defaultPort : readPort(written);
  const host = readHost(named);
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** Reads a host alone, such as the server name of a TLS handshake; see {@link readAuthority}. */
export function readHost(text: string): string | undefined {
  if (text.length > MAX_AUTHORITY || NOT_OF_AN_AUTHORITY.test(text)) return undefined;
  const isBracketed = text.startsWith('[') && text.endsWith(']');
  if (!isBracketed && /[:[\]]/.test(text)) return undefined;
  const hostname = URL.parse(`http://${text}/`)?.hostname ?? '';
  const host = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  // The policies have to read the same; only a mapped address is to them the address that it maps.
  const agreed = canonicalHost(host);
  const isSame = agreed === host || (agreed !== undefined && host.startsWith('['));
  return isSame ? host : undefined;
}

/** Whether the host is itself an address. */
export function isAddress({ host }: Pick<Destination, 'host'>): boolean {
  return isAddressHost(host);
}

/** The host of an address as sockets want it: without brackets. */
export function bareHost({ host }: Pick<Destination, 'host'>): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** `host:port`: what a permit is good for. */
export function serverOf({ host, port }: Authority): string {
  return `${host}:${port}`;
}

/** What a refusal says of where it was to. A tunnel names no scheme before it is decided what it carries. */
export function refusedAt(destination: Authority | Destination, method?: string): RefusedTarget {
  const egress = method === undefined ? destination : { ...destination, method };
  return { server: serverOf(destination), operation: method, reached: attemptTargetOf({ egress }) };
}

/** Whether two authorities are the same. */
export function sameAuthority(one: Authority, other: Authority): boolean {
  return one.host === other.host && one.port === other.port;
}

/** Whether a host is one of `patterns`: `example.com` for itself, `*.example.com` for what lies below it. */
export function isOneOf(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern));
}

function split(text: string): { readonly host: string; readonly port: string | undefined } {
  const end = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = text.indexOf(':', end + 1);
  return colon === -1 ? { host: text, port: undefined } : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function readPort(text: string): number | undefined {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
