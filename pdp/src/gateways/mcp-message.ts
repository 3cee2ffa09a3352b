/** An MCP message in the body of an HTTP request, or a verb without one: what the sidecar would ask about, or nothing. */

import type { AttemptKind, Json, JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { isObject } from '../http/body.js';
import { type McpTarget, mcpTarget } from './mcp-methods.js';
import { onlyValue, type RequestHeaders } from './request-headers.js';
import { Unclear } from './unclear.js';

/** The part of a canonical request that is about MCP. */
export interface McpAttempt {
  readonly kind: AttemptKind;
  readonly tool: JsonObject;
}

const VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];
const MODERN = '2026-07-28';
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const MEMBERS = ['jsonrpc', 'id', 'method', 'params'];
const SENTINEL = /^=\?base64\?(.*)\?=$/s;
/** What a verb without a message does, as the sidecar calls it. */
const VERBS: Readonly<Record<string, string>> = { GET: 'http/stream.open', DELETE: 'http/session.delete' };

/**
 * Reads the body of a POST, or the verb.
 * @throws Unclear when it is not exactly one message of a client, or headers say otherwise than the body
 */
export function readMcp(method: string, headers: RequestHeaders, body: Uint8Array): McpAttempt {
  const version = onlyValue(headers, 'mcp-protocol-version');
  if (version !== undefined && !VERSIONS.includes(version)) {
    throw new Unclear('headers.mcp-protocol-version', 'is not a revision that is known');
  }
  const verb = Object.hasOwn(VERBS, method) ? VERBS[method] : undefined;
  if (verb !== undefined) {
    if (body.byteLength > 0) throw new Unclear('body', `a ${method} has none`);
    const last = onlyValue(headers, 'last-event-id');
    const details = last === undefined ? {} : { last_event_id: last };
    return { kind: 'session', tool: { operation: verb, arguments: details, attributes: attributesOf({}, version) } };
  }
  if (method !== 'POST') throw new Unclear('method', 'expected POST, GET or DELETE');
  checkMediaType(headers);
  const message = readMessage(body);
  const { method: rpcMethod, params } = message;
  const target = mcpTarget(rpcMethod, params);
  if (target.isNotification === message.hasId) {
    throw new Unclear('body.id', target.isNotification ? 'a notification has none' : 'a request has one');
  }
  checkMirrors(headers, { method: rpcMethod, params, version }, target);
  return { kind: target.kind, tool: { ...target.tool, attributes: attributesOf(target.tool['attributes'], version) } };
}

function attributesOf(known: Json | undefined, version: string | undefined): JsonObject {
  return {
    direction: 'client_to_server',
    ...(isObject(known) ? known : {}),
    ...(version === undefined ? {} : { protocol_version: version }),
  };
}

function checkMediaType(headers: RequestHeaders): void {
  const type = onlyValue(headers, 'content-type');
  if (type === undefined || !/^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i.test(type)) {
    throw new Unclear('headers.content-type', 'expected application/json');
  }
  const encoding = onlyValue(headers, 'content-encoding');
  if (encoding !== undefined && encoding !== 'identity') throw new Unclear('headers.content-encoding', 'expected none');
}

function readMessage(body: Uint8Array): {
  readonly method: string;
  readonly params: JsonObject;
  readonly hasId: boolean;
} {
  if (body.byteLength === 0) throw new Unclear('body', 'is not there: the gateway must send it');
  const json = parseStrictJson(body);
  if (!json.ok) throw new Unclear('body', `is not strict JSON: ${json.reason}`);
  const value = json.value;
  if (!isObject(value)) throw new Unclear('body', 'expected one message, not a batch');
  const stranger = Object.keys(value).find((member) => !MEMBERS.includes(member));
  if (stranger !== undefined || value['jsonrpc'] !== '2.0') throw new Unclear('body', 'is not a message of a client');
  const { id, method, params = {} } = value;
  const isId = id === undefined || (typeof id === 'string' && id.length <= 256) || Number.isSafeInteger(id);
  if (typeof method !== 'string' || !isObject(params) || !isId) throw new Unclear('body', 'is not a JSON-RPC message');
  refuseLookalikes(params);
  return { method, params, hasId: id !== undefined };
}

/** Readers that do not mind case take some names for one another. @throws Unclear for parameters with such names */
export function refuseLookalikes(params: JsonObject): void {
  const names = Object.keys(params);
  const folded = new Set(names.map((name) => name.normalize('NFKC').toLowerCase()));
  const isOdd = names.some((name) => {
    const lower = name.normalize('NFKC').toLowerCase();
    return ['arguments', 'name', 'uri', '_meta'].includes(lower) && lower !== name;
  });
  if (folded.size !== names.length || isOdd) throw new Unclear('body.params', 'has members that look alike');
}

/** Revision 2026-07-28 repeats in headers what the body says; whoever routes by them must not be told otherwise. */
function checkMirrors(
  headers: RequestHeaders,
  {
    method,
    params,
    version,
  }: { readonly method: string; readonly params: JsonObject; readonly version: string | undefined },
  { name, era, isNotification }: McpTarget,
): void {
  const meta = params['_meta'];
  const claim = isObject(meta) ? meta[VERSION_KEY] : undefined;
  const isModern = claim !== undefined || version === MODERN;
  if (isModern && !isNotification && (claim !== MODERN || version !== MODERN)) {
    throw new Unclear('headers.mcp-protocol-version', 'is missing or differs from the version in _meta');
  }
  if (era !== undefined && (era === 'modern') !== isModern) throw new Unclear('method', 'is not of this revision');
  const demanded = isModern && !isNotification;
  const saidMethod = onlyValue(headers, 'mcp-method');
  if (saidMethod === undefined ? demanded : saidMethod !== method) {
    throw new Unclear('headers.mcp-method', 'is missing or differs from the method of the body');
  }
  const saidName = onlyValue(headers, 'mcp-name');
  if (saidName === undefined ? demanded && name !== undefined : name === undefined || decoded(saidName) !== name) {
    throw new Unclear('headers.mcp-name', 'is missing or differs from what the body names');
  }
  for (const header of headers.keys()) {
    if (header.startsWith('mcp-param-')) throw new Unclear(`headers.${header}`, 'is not compared here');
  }
}

/** Undoes the Base64 sentinel of the revision; `undefined` when it is not the canonical spelling. */
function decoded(raw: string): string | undefined {
  const encoded = SENTINEL.exec(raw)?.[1];
  if (encoded === undefined) return raw;
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.toString('utf8');
  return bytes.toString('base64') === encoded && Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}
