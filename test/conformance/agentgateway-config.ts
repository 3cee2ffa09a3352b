/** The configuration that docs/guides/agentgateway.md shows: an agentgateway that asks a decision point in both of its ways. */
import type { TlsFiles } from '@portcullis/runtime';
import { TRUST_DOMAIN } from '../support/stack.js';

/** What differs from run to run. */
export interface AgentgatewayParts {
  readonly port: number;
  readonly pdp: string;
  /** What the gateway is towards the decision point. */
  readonly gateway: TlsFiles;
  /** What it is towards agents. */
  readonly server: TlsFiles;
  /** MCP servers by name, as URLs. */
  readonly servers: Readonly<Record<string, string>>;
  /** `host:port` of a server that speaks HTTP and no MCP. */
  readonly upstream: string;
}

/** What is longer is cut off, and denied. */
export const MAX_BODY = 2_048;
/** A decision point that says nothing for so long is none. */
export const PDP_TIMEOUT_MS = 6_000;

/** By `ExtMcp`, the hook of its MCP guardrails. */
const hooked = (
  target: object,
  methods: Readonly<Record<string, 'request' | 'full'>> = { '*': 'request' },
): object => ({
  mcpGuardrails: {
    processors: [
      {
        kind: 'remote',
        ...target,
        methods,
        failureMode: 'failClosed',
        metadata: { principal: 'source.spiffeId' },
      },
    ],
  },
});

/** By Envoy's `ext_authz`. */
const asked = (target: object, context: Readonly<Record<string, string>>): object => ({
  extAuthz: {
    ...target,
    protocol: { grpc: { context } },
    failureMode: 'deny',
    includeRequestBody: { maxRequestBytes: MAX_BODY, allowPartialMessage: true, packAsBytes: true },
  },
});

/** The whole of it. Every path is a way of asking. */
export function agentgatewayConfig({ port, pdp, gateway, server, servers, upstream }: AgentgatewayParts): object {
  const decisionPoint = {
    host: pdp,
    policies: {
      backendTLS: {
        cert: gateway.certFile,
        key: gateway.keyFile,
        root: gateway.caFile,
        subjectAltNames: [`spiffe://${TRUST_DOMAIN}/pdp/pdp-1`],
      },
      http: { requestTimeout: `${PDP_TIMEOUT_MS}ms` },
    },
  };
  const target = (name: string): object => ({ name, mcp: { host: servers[name] } });
  const mcp = (...names: readonly string[]): object => ({ mcp: { targets: names.map(target) } });
  const route = (path: string, policies: object, backend: object): object => ({
    name: path.slice(1),
    matches: [{ path: { exact: path } }],
    policies,
    backends: [backend],
  });
  const named = (name: string): object => asked(decisionPoint, { 'portcullis.mcp_server': name });
  return {
    config: { adminAddr: 'off', statsAddr: 'off', readinessAddr: 'off', enableIpv6: false },
    gateways: {
      default: { port, tls: { cert: server.certFile, key: server.keyFile, root: server.caFile } },
    },
    routes: [
      ...Object.keys(servers).flatMap((name) => [
        route(`/hooked/${name}`, hooked(decisionPoint), mcp(name)),
        route(`/asked/${name}`, named(name), mcp(name)),
      ]),
      route('/hooked/all', hooked(decisionPoint), mcp(...Object.keys(servers))),
      route('/judged', hooked(decisionPoint, { '*': 'request', 'tools/call': 'full' }), mcp('files')),
      { name: 'other', policies: asked(decisionPoint, {}), backends: [{ host: upstream }] },
    ],
  };
}
