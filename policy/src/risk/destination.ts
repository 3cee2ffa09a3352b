import type { CanonicalRequest, Json } from '../model/request.js';

/** Names of arguments that say where something goes, in lower case without separators. */
const DESTINATION_NAMES: ReadonlySet<string> = new Set([
  'to',
  'cc',
  'bcc',
  'recipient',
  'recipients',
  'email',
  'emails',
  'url',
  'uri',
  'endpoint',
  'webhook',
  'webhookurl',
  'destination',
  'host',
  'address',
  'iban',
  'account',
  'accountnumber',
  'recipientaccount',
  'phone',
  'phonenumber',
  'payee',
  'channel',
]);
const MAX_DESTINATIONS = 64;

/**
 * Where the attempt would send something: the host of a connection or of a model, the agent that is spoken to, else the
 * first destination among the arguments (host of a URL, domain of an address, the value itself). `undefined`: nowhere.
 */
export function destinationOf(request: CanonicalRequest): string | undefined {
  return destinationsOf(request)[0];
}

/** All of them, at most 64, in the order of the request. */
export function destinationsOf(request: CanonicalRequest): readonly string[] {
  const direct = request.egress?.host ?? request.peer?.agent_id ?? request.request?.model_endpoint;
  if (direct !== undefined) return [canonical(direct)];
  const found: string[] = [];
  for (const [name, value] of Object.entries(request.tool?.arguments ?? {})) {
    if (DESTINATION_NAMES.has(name.toLowerCase().replaceAll(/[_-]/g, ''))) collect(value, found);
  }
  return [...new Set(found)].slice(0, MAX_DESTINATIONS);
}

function collect(value: Json, found: string[]): void {
  if (found.length >= MAX_DESTINATIONS) return;
  if (typeof value === 'string' && value.trim() !== '') found.push(canonical(value));
  else if (Array.isArray(value)) for (const one of value as readonly Json[]) collect(one, found);
}

/**
 * The part that says whose place it is: a host, or the domain of an e-mail address. Everything else (an account, a phone
 * number, a name) is personal and only told apart, by a digest that is not meant to be secret.
 */
function canonical(text: string): string {
  const value = text.trim().toLowerCase().slice(0, 256);
  const url = /^[a-z][a-z0-9+.-]{0,15}:\/\/(?:[^/?#@\s]*@)?([^/?#:\s]+)/.exec(value)?.[1];
  if (url !== undefined) return url;
  const domain = /^[^@\s]+@([a-z0-9.-]+)$/.exec(value)?.[1];
  if (domain !== undefined) return domain;
  return /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(value) && !/^[\d.-]+$/.test(value) ? value : `#${fingerprint(value)}`;
}

/** FNV-1a over UTF-16 units, twice 32 bits, in hexadecimal. */
function fingerprint(text: string): string {
  let low = 0x811c9dc5;
  let high = 0xc9dc5118;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ ((unit << 8) | (index % 251)), 0x01000193);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
