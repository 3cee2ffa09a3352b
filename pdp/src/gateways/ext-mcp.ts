/** `agentgateway.dev.ext_mcp.ExtMcp`: agentgateway asks about one call of MCP before it goes to its servers. */

import type { handleUnaryCall } from '@grpc/grpc-js';
import type { CanonicalRequest, Checked, JsonObject } from '@portcullis/policy/model';
import type { GatewayWire, PeerIdentity } from '@portcullis/proto';
import { parseStrictJson } from '@portcullis/runtime';
import { isObject } from '../http/body.js';
import { type AgentName, certified, clearly, type GatewayAsking, named } from './ext-authz-canonical.js';
import { type GatewayParts, rule } from './gateway-parts.js';
import type { ExtMcpConfig } from './gateways-config.js';
import { refuseLookalikes } from './mcp-message.js';
import { mcpTarget } from './mcp-methods.js';
import { onlyValue, readHeaders } from './request-headers.js';
import { explanation, type Ruling, refused } from './ruling.js';
import { fromStruct } from './struct.js';
import { Unclear } from './unclear.js';

/** No call goes to more servers at once. */
const MAX_SERVERS = 64;

/** The handlers. Both always answer with a result, never with a status of the call. */
export function createExtMcp(parts: GatewayParts & { readonly config: ExtMcpConfig }): {
  readonly CheckRequest: handleUnaryCall<GatewayWire.McpRequest__Output, GatewayWire.McpRequestResult>;
  readonly CheckResponse: handleUnaryCall<GatewayWire.McpResponse__Output, GatewayWire.McpResponseResult>;
} {
  return {
    CheckRequest: (call, callback) => {
      void rule(parts, 'ext_mcp', call, (asking) => questionsOf(call.request, asking, parts.config)).then((ruling) =>
        callback(null, toResult(ruling)),
      );
    },
    // A hook that is asked and always says yes would be taken for one that looks.
    CheckResponse: (_call, callback) => {
      const ruling = refused('METHOD_UNKNOWN', 'results are not judged here: configure the phase `request`');
      parts.observer.gatewayRuled('ext_mcp', ruling.outcome);
      callback(null, toResult(ruling));
    },
  };
}

/** One question per server that the call goes to: a list is put together from all of them. */
function questionsOf(
  message: GatewayWire.McpRequest__Output,
  asking: GatewayAsking,
  config: ExtMcpConfig,
): readonly Checked<CanonicalRequest>[] {
  const { service_names: servers = [] } = message;
  if (servers.length === 0 || servers.length > MAX_SERVERS) {
    return [clearly(() => refuse('service_names', `expected 1 to ${MAX_SERVERS} servers`))];
  }
  return servers.map((server) => clearly(() => map(server, message, asking, config)));
}

function map(
  server: string,
  message: GatewayWire.McpRequest__Output,
  asking: GatewayAsking,
  config: ExtMcpConfig,
): JsonObject {
  const { method = '', metadata_context: metadata, mcp_request: params } = message;
  if (server === '') throw new Unclear('service_names', 'has a server without a name');
  const { tenant, agent } = agentOf(fromStruct(metadata), asking.caller, config);
  // Of what goes to several servers agentgateway says the method alone; here the parameters are what it is about.
  if (method === 'subscriptions/listen' && params === undefined) throw new Unclear('mcp_request', 'is missing');
  const target = mcpTarget(method, readParams(params));
  const headers = readHeaders(undefined, message.headers);
  const saidMethod = onlyValue(headers, 'mcp-method');
  if (saidMethod !== undefined && saidMethod !== method) {
    throw new Unclear('headers.mcp-method', 'differs from the method');
  }
  return {
    version: '1.0',
    tenant_id: tenant,
    source: 'ext_authz',
    kind: target.kind,
    agent: { id: agent },
    tool: { server, ...target.tool },
    context: {
      timestamp: asking.timestamp,
      request_id: asking.newRequestId(),
      ...(config.environment === undefined ? {} : { environment: config.environment }),
    },
  };
}

function agentOf(said: JsonObject, caller: PeerIdentity, { tenant, agent, principal }: ExtMcpConfig): AgentName {
  if (caller.kind === 'agent') return caller;
  return principal === undefined
    ? named(said[tenant], said[agent], 'metadata_context')
    : certified(said[principal], caller.trustDomain, 'metadata_context');
}

function readParams(bytes: Uint8Array | undefined): JsonObject {
  if (bytes === undefined || bytes.byteLength === 0) return {};
  const json = parseStrictJson(bytes);
  if (!json.ok) throw new Unclear('mcp_request', `is not strict JSON: ${json.reason}`);
  if (json.value === null) return {};
  if (!isObject(json.value)) throw new Unclear('mcp_request', 'expected an object');
  refuseLookalikes(json.value);
  return json.value;
}

function refuse(path: string, message: string): never {
  throw new Unclear(path, message);
}

function toResult(ruling: Ruling): GatewayWire.McpRequestResult & GatewayWire.McpResponseResult {
  if (ruling.outcome === 'allowed') return { pass: {} };
  const code =
    ruling.code === 'QUOTA_EXCEEDED'
      ? 'RESOURCE_EXHAUSTED'
      : ruling.code === 'REQUEST_INVALID'
        ? 'INVALID'
        : 'PERMISSION_DENIED';
  return { error: { code, reason: ruling.message, mcp_error: Buffer.from(explanation(ruling)) } };
}
