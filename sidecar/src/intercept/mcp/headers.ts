/**
 * The header mirrors of the 2026-07-28 revision against the body (A1): a header says what the body says, or the request
 * is refused with `HeaderMismatch`. Also tells the two generations apart.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { RPC_CODE } from '../../enforce/refuse.js';
import type { BadHead } from './head.js';
import { isObject, type RpcMessage } from './message.js';
import { type Era, methodRow } from './methods.js';

/** Revisions that we know, oldest first. Dates, so the order of the strings is the order of time. */
export const PROTOCOL_VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const;
/** A revision that we know. */
export type ProtocolVersion = (typeof PROTOCOL_VERSIONS)[number];

/** What a legacy request without the header speaks (2025-11-25, "Protocol Version Header"). */
const ASSUMED: ProtocolVersion = '2025-03-26';
const NEWEST_LEGACY: ProtocolVersion = '2025-11-25';
const FIRST_MODERN: ProtocolVersion = '2026-07-28';
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const SENTINEL = /^=\?base64\?(.*)\?=$/s;

/** What headers that repeat arguments begin with, in lower case. */
export const MIRROR_PREFIX = 'mcp-param-';

/** Which generation a message belongs to. */
export interface Spoken {
  readonly ok: true;
  readonly era: Era;
  readonly version: string;
}

/** Settles era and version of a POST, and compares every mirror with the body. */
export function readMirrors(
  headers: ReadonlyMap<string, string>,
  message: RpcMessage,
  minimum: ProtocolVersion,
): Spoken | BadHead {
  const header = headers.get('mcp-protocol-version') ?? proposedVersion(message);
  const spoken = readVersion(header, claimOf(message), minimum, message.kind);
  if (!spoken.ok || message.kind === 'response') return spoken;

  const { method, params } = message;
  const methodHeader = headers.get('mcp-method');
  const demanded = spoken.era === 'modern' && message.kind === 'request';
  if (methodHeader === undefined ? demanded : methodHeader !== method) {
    return mismatch('the Mcp-Method header is missing or differs from the method of the body');
  }
  const row = methodRow(method, 'client_to_server', spoken.era);
  const named = row?.mirrored === true && row.name !== undefined ? params[row.name.field] : undefined;
  const nameHeader = headers.get('mcp-name');
  if (nameHeader === undefined ? demanded && named !== undefined : decodeHeaderValue(nameHeader) !== named) {
    return mismatch('the Mcp-Name header is missing or differs from what the body names');
  }
  return checkParamHeaders(headers, params) ?? spoken;
}

/** Settles the era of a GET or DELETE, which only the header can tell. */
export function readVersionHeader(header: string | undefined, minimum: ProtocolVersion): Spoken | BadHead {
  return readVersion(header, undefined, minimum, 'response');
}

/** Settles the era of a message that comes without headers (stdio): by its own claim. */
export function readInlineVersion(message: RpcMessage, minimum: ProtocolVersion): Spoken | BadHead {
  const claim = claimOf(message);
  const header = typeof claim === 'string' ? claim : (proposedVersion(message) ?? NEWEST_LEGACY);
  return readVersion(header, claim, minimum, message.kind);
}

/** The version that a message claims in its `_meta`; the claim makes it one of the modern era. */
export function claimOf(message: RpcMessage): Json | undefined {
  const meta = message.kind === 'response' ? undefined : message.params['_meta'];
  return isObject(meta) ? meta[VERSION_KEY] : undefined;
}

/** `initialize` comes before there is a header; what it proposes stands in, or the newest that has a handshake. */
function proposedVersion(message: RpcMessage): string | undefined {
  if (message.kind !== 'request' || message.method !== 'initialize') return undefined;
  if (claimOf(message) !== undefined) return undefined;
  const proposed = message.params['protocolVersion'];
  return typeof proposed === 'string' && isKnown(proposed) && !isModern(proposed) ? proposed : NEWEST_LEGACY;
}

/** Whether a claimed version is one of the stateless generation. */
export function isModern(version: Json | undefined): boolean {
  return typeof version === 'string' && version >= FIRST_MODERN;
}

function readVersion(
  header: string | undefined,
  claim: Json | undefined,
  minimum: ProtocolVersion,
  kind: RpcMessage['kind'],
): Spoken | BadHead {
  if (claim !== undefined && typeof claim !== 'string') {
    return badVersion(RPC_CODE.invalidParams, `_meta["${VERSION_KEY}"] must be a string`);
  }
  if (claim === undefined && header !== undefined && isModern(header) && isKnown(header) && kind === 'request') {
    return badVersion(RPC_CODE.invalidParams, `the request lacks _meta["${VERSION_KEY}"], which its header demands`);
  }
  if (claim !== undefined && header !== claim && (header !== undefined || kind === 'request')) {
    return mismatch('the MCP-Protocol-Version header is missing or differs from the version in _meta');
  }
  const version = claim ?? header ?? ASSUMED;
  if (!isKnown(version) || version < minimum) {
    // A claim can only be met by a version that is claimed; a handshake is the server's to offer, not ours.
    const offered = PROTOCOL_VERSIONS.filter((known) => known >= minimum && (claim === undefined || isModern(known)));
    return {
      ...badVersion(RPC_CODE.unsupportedProtocolVersion, 'unsupported protocol version'),
      data: { supported: offered, requested: version.slice(0, 32) },
    };
  }
  return { ok: true, era: isModern(version) ? 'modern' : 'legacy', version };
}

function isKnown(version: string): version is ProtocolVersion {
  return (PROTOCOL_VERSIONS as readonly string[]).includes(version);
}

/**
 * `Mcp-Param-*` mirror arguments that only the tool's schema names; with it, `argument-mirrors.ts` looks. Without it this much
 * is certain: a value that no argument has is not a mirror, and whoever routes by it would act on something that was not decided.
 */
function checkParamHeaders(headers: ReadonlyMap<string, string>, params: JsonObject): BadHead | undefined {
  let values: ReadonlySet<string> | undefined;
  for (const [name, raw] of headers) {
    if (!name.startsWith(MIRROR_PREFIX)) continue;
    values ??= scalarsOf(params['arguments']);
    const value = decodeHeaderValue(raw);
    if (value === undefined || !(values.has(value) || hasNumber(values, value))) {
      return mismatch('an Mcp-Param header does not mirror an argument');
    }
  }
  return undefined;
}

function hasNumber(values: ReadonlySet<string>, text: string): boolean {
  return /^-?[0-9]+(?:\.0+)?$/.test(text) && values.has(String(Number(text)));
}

function scalarsOf(value: Json | undefined, found: Set<string> = new Set()): ReadonlySet<string> {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) scalarsOf(member, found);
  } else if (value !== undefined && value !== null) {
    found.add(String(value));
  }
  return found;
}

/** Undoes the Base64 sentinel; nothing when it is malformed or hides bytes that are not UTF-8. */
export function decodeHeaderValue(raw: string): string | undefined {
  const value = raw.replace(/^[ \t]+|[ \t]+$/g, '');
  const encoded = SENTINEL.exec(value)?.[1];
  if (encoded === undefined) return /^[\t -~]*$/.test(value) ? value : undefined;
  const bytes = Buffer.from(encoded, 'base64');
  // Buffer skips what is not Base64; only the canonical spelling comes back unchanged.
  if (bytes.toString('base64') !== encoded) return undefined;
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

/** A text as a header says it: with the Base64 sentinel where its bytes, or whoever reads it, would make something else of it. */
export function encodeHeaderValue(text: string): string {
  return decodeHeaderValue(text) === text ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

function mismatch(message: string): BadHead {
  return { ok: false, status: 400, rpcCode: RPC_CODE.headerMismatch, message: `header mismatch: ${message}` };
}

function badVersion(rpcCode: number, message: string): BadHead {
  return { ok: false, status: 400, rpcCode, message };
}
