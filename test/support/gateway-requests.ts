/** The other way round than the PDP: what Envoy and agentgateway would send for a canonical request to come of it. */

import { type CanonicalRequest, type EgressTarget, kindOf, type ToolTarget } from '@portcullis/policy/model';
import type { GatewayWire } from '@portcullis/proto';

/** Where the requests below say who attempts, and which MCP server a route leads to. */
export const GATEWAY_CONFIG = {
  extAuthz: { identity: { from: 'context_extensions' }, mcpServerExtension: 'portcullis.mcp_server' },
  extMcp: {},
} as const;

/**
 * `undefined` for a request that says what no gateway does: more of the agent than its name, a user, a tool that is not
 * called by MCP, circumstances other than time and address.
 */
export function toCheckRequest(request: CanonicalRequest): GatewayWire.CheckRequest | undefined {
  const target = targetOf(request);
  if (target === undefined) return undefined;
  const { ip, request_id: id } = request.context;
  const who = { 'portcullis.tenant': request.tenant_id, 'portcullis.agent': request.agent.id };
  const { egress, tool } = target;
  const http = egress === undefined ? callOf(tool) : connectionOf(egress);
  return {
    attributes: {
      ...(ip === undefined ? {} : { source: { address: { socket_address: { address: ip } } } }),
      request: { http: { id, scheme: 'https', size: -1, ...http } },
      context_extensions: egress === undefined ? { ...who, 'portcullis.mcp_server': tool.server ?? '' } : who,
    },
  };
}

/** The same for agentgateway, which asks about MCP only. */
export function toMcpRequest(request: CanonicalRequest): GatewayWire.McpRequest | undefined {
  const target = targetOf(request);
  // It says nothing of the client's address.
  if (target?.tool === undefined || request.context.ip !== undefined) return undefined;
  const text = (stringValue: string): GatewayWire.Value => ({ kind: 'stringValue', stringValue });
  return {
    service_names: [target.tool.server ?? ''],
    method: 'tools/call',
    metadata_context: { fields: { tenant: text(request.tenant_id), agent: text(request.agent.id) } },
    mcp_request: Buffer.from(JSON.stringify(paramsOf(target.tool))),
  };
}

/** One of the two. */
type Target =
  | { readonly egress: EgressTarget; readonly tool?: undefined }
  | { readonly egress?: undefined; readonly tool: ToolTarget };

function targetOf({ agent, tool, egress, context, ...request }: CanonicalRequest): Target | undefined {
  const kind = kindOf({ agent, context, ...request });
  const others = [request.user, request.request, request.peer, request.intent_risk];
  if (others.some((one) => one !== undefined) || Object.keys(agent).length > 1) return undefined;
  if (Object.keys(context).some((name) => !['timestamp', 'request_id', 'ip'].includes(name))) return undefined;
  if (kind === 'egress' && tool === undefined && egress?.host !== undefined) {
    return Object.keys(egress).every((name) => ['host', 'method', 'path', 'port', 'scheme'].includes(name))
      ? { egress }
      : undefined;
  }
  const isCall = kind === 'tool_call' && egress === undefined && tool?.operation === 'tools/call';
  if (!isCall || tool.server === undefined || tool.name === undefined) return undefined;
  return Object.keys(tool).every((name) => ['server', 'name', 'operation', 'arguments'].includes(name))
    ? { tool }
    : undefined;
}

function connectionOf({ host = '', method = 'GET', path = '/', port, scheme = 'https' }: EgressTarget): object {
  return { host: port === undefined ? host : `${host}:${port}`, method, path, scheme };
}

function callOf(tool: ToolTarget): object {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: paramsOf(tool) }));
  return {
    host: 'mcp.test',
    method: 'POST',
    path: '/mcp',
    headers: { 'content-type': 'application/json' },
    raw_body: body,
    size: body.byteLength,
  };
}

function paramsOf({ name = '', arguments: args }: ToolTarget): object {
  return { name, ...(args === undefined ? {} : { arguments: args }) };
}
