/**
 * From Envoy's CheckRequest to the canonical request; docs/guides/envoy.md is the table of this file.
 *
 * Who attempts comes from where the configuration says, and never from what a client may write freely. What could be
 * read in two ways is refused: the request goes on as it is, whatever was understood of it here.
 */

import type { CanonicalRequest, Checked, JsonObject } from '@portcullis/policy/model';
import { type GatewayWire, type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import type { ExtAuthzConfig } from './gateways-config.js';
import { readTarget } from './http-target.js';
import { readMcp } from './mcp-message.js';
import { onlyValue, type RequestHeaders, readHeaders } from './request-headers.js';
import { fromStruct, memberAt } from './struct.js';
import { Unclear } from './unclear.js';

/** What the request does not say itself. */
export interface GatewayAsking {
  readonly caller: PeerIdentity;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly newRequestId: () => string;
}

/** Who attempts. */
export interface AgentName {
  readonly tenant: string;
  readonly agent: string;
}

/** Other ways than the request line to say where a request goes; some servers believe them. */
const OTHER_TARGETS = [
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
];
/** An id of the gateway's that the canonical request has room for. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Maps one request. The result has yet to pass the schema of the canonical request, and the check of authority. */
export function toCanonical(
  message: GatewayWire.CheckRequest__Output,
  asking: GatewayAsking,
  config: ExtAuthzConfig,
): Checked<CanonicalRequest> {
  return clearly(() => map(message.attributes ?? {}, asking, config));
}

/** The document, or why there is none. */
export function clearly(map: () => JsonObject): Checked<CanonicalRequest> {
  try {
    return { ok: true, value: map() as unknown as CanonicalRequest };
  } catch (error) {
    if (!(error instanceof Unclear)) throw error;
    return { ok: false, problems: [{ code: 'ERR_GATEWAY_UNCLEAR', message: error.message, path: error.path }] };
  }
}

function map(
  attributes: GatewayWire.AttributeContext__Output,
  asking: GatewayAsking,
  config: ExtAuthzConfig,
): JsonObject {
  const http = attributes.request?.http;
  if (http === undefined) throw new Unclear('request.http', 'is missing: only HTTP can be decided');
  const headers = readHeaders(http.headers, http.header_map?.headers);
  const { tenant, agent } = agentOf(attributes, headers, asking.caller, config.identity);
  checkOneTarget(http, headers);
  const target = readTarget({
    method: http.method ?? '',
    path: http.path ?? '',
    host: http.host ?? '',
    scheme: http.scheme ?? '',
  });
  const server = mcpServerOf(attributes.context_extensions, config.mcpServerExtension);
  const ip = attributes.source?.address?.socket_address?.address;
  const { id = '' } = http;
  const bytes = bytesOf(http, headers);
  return {
    version: '1.0',
    tenant_id: tenant,
    source: 'ext_authz',
    agent: { id: agent },
    ...(server === undefined
      ? { kind: 'egress', egress: { ...target.egress, ...(bytes === undefined ? {} : { bytes }) } }
      : mcpOf(server, target.egress.method, http, headers)),
    context: {
      timestamp: asking.timestamp,
      request_id: REQUEST_ID.test(id) ? id : asking.newRequestId(),
      ...(config.environment === undefined ? {} : { environment: config.environment }),
      ...(ip === undefined || ip === '' ? {} : { ip }),
      ...(target.query === undefined ? {} : { attributes: { query: target.query } }),
    },
  };
}

function mcpOf(server: string, method: string, http: GatewayWire.HttpRequest__Output, headers: RequestHeaders): object {
  const { kind, tool } = readMcp(method, headers, wholeBody(http, headers));
  return { kind, tool: { server, ...tool } };
}

function agentOf(
  attributes: GatewayWire.AttributeContext__Output,
  headers: RequestHeaders,
  caller: PeerIdentity,
  identity: ExtAuthzConfig['identity'],
): AgentName {
  if (caller.kind === 'agent') return caller;
  switch (identity.from) {
    case 'principal':
      return certified(attributes.source?.principal, caller.trustDomain, 'source.principal');
    case 'context_extensions': {
      const said = attributes.context_extensions ?? {};
      const at = (key: string): string | undefined => (Object.hasOwn(said, key) ? said[key] : undefined);
      return named(at(identity.tenant), at(identity.agent), 'context_extensions');
    }
    case 'metadata': {
      const all = attributes.metadata_context?.filter_metadata ?? {};
      const said = fromStruct(Object.hasOwn(all, identity.namespace) ? all[identity.namespace] : undefined);
      return named(memberAt(said, identity.tenant), memberAt(said, identity.agent), 'metadata_context');
    }
    case 'headers':
      return named(onlyValue(headers, identity.tenant), onlyValue(headers, identity.agent), 'headers');
  }
}

/** By a SPIFFE id. @throws Unclear when it is none of an agent in the trust domain */
export function certified(id: unknown, trustDomain: string, path: string): AgentName {
  const peer = typeof id === 'string' ? parsePeerIdentity(id, trustDomain) : undefined;
  if (peer?.kind !== 'agent') throw new Unclear(path, 'is not the SPIFFE id of an agent');
  return peer;
}

/** By the rules of a SPIFFE id, so that a name means the same however it comes. */
export function named(tenant: unknown, agent: unknown, path: string): AgentName {
  const isText = typeof tenant === 'string' && typeof agent === 'string';
  const peer = isText ? parsePeerIdentity(`spiffe://x/tenant/${tenant}/agent/${agent}`, 'x') : undefined;
  if (peer?.kind !== 'agent') throw new Unclear(path, 'does not name the tenant and the agent');
  return peer;
}

function mcpServerOf(
  extensions: Readonly<Record<string, string>> | undefined,
  key: string | undefined,
): string | undefined {
  if (key === undefined || extensions === undefined || !Object.hasOwn(extensions, key)) return undefined;
  const server = extensions[key] ?? '';
  if (server === '') throw new Unclear(`context_extensions.${key}`, 'names no server');
  return server;
}

function checkOneTarget(http: GatewayWire.HttpRequest__Output, headers: RequestHeaders): void {
  for (const name of OTHER_TARGETS) {
    if (headers.has(name)) throw new Unclear(`headers.${name}`, 'names another target than the request line');
  }
  for (const [name, said] of [
    ['host', http.host],
    [':authority', http.host],
    [':path', http.path],
    [':method', http.method],
  ] as const) {
    const other = onlyValue(headers, name);
    if (other !== undefined && other.toLowerCase() !== (said ?? '').toLowerCase()) {
      throw new Unclear(`headers.${name}`, 'differs from the target of the request');
    }
  }
}

/**
 * How much is sent. What a gateway calls the size counts for nothing alone: it is 0 of a body that was not read
 * (agentgateway), or what had arrived when the question was asked (Envoy).
 */
function bytesOf(http: GatewayWire.HttpRequest__Output, headers: RequestHeaders): number | undefined {
  const length = onlyValue(headers, 'content-length');
  if (length !== undefined && !/^[0-9]{1,15}$/.test(length)) {
    throw new Unclear('headers.content-length', 'expected one number');
  }
  if (length !== undefined && !headers.has('transfer-encoding')) return Number(length);
  const { raw_body: raw = Buffer.alloc(0), size } = http;
  return raw.byteLength > 0 && size === String(raw.byteLength) ? raw.byteLength : undefined;
}

/** The bytes that go upstream. @throws Unclear when they are not all here, or not as they are */
function wholeBody(http: GatewayWire.HttpRequest__Output, headers: RequestHeaders): Uint8Array {
  // Nothing is on the wire of a size of 0.
  const { raw_body: raw = Buffer.alloc(0), body = '', size = '0' } = http;
  if (body !== '') throw new Unclear('body', 'came as text, which is not what goes upstream: set pack_as_bytes');
  const partial = onlyValue(headers, 'x-envoy-auth-partial-body');
  if (partial !== undefined && partial !== 'false')
    throw new Unclear('raw_body', 'was cut off: raise max_request_bytes');
  // Somebody has to say how long it is: agentgateway tells of a body that it cut off by nothing but a size of -1.
  const said = [onlyValue(headers, 'content-length') ?? '-1', size].filter((length) => length !== '-1');
  if (said.length === 0 || said.some((length) => length !== String(raw.byteLength))) {
    throw new Unclear('raw_body', 'is not the whole body');
  }
  return raw;
}
