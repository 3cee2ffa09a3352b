/** Puts the Streamable HTTP proxy together. Loaded only when it is configured. */

import type { Environment } from '@portcullis/runtime';
import type { Guard } from '../../enforce/guard.js';
import { readSecret } from '../http/credential.js';
import { createUpstream, type Upstream } from '../http/upstream.js';
import type { Surface, SurfaceParts } from '../surface.js';
import type { McpConfig } from './config.js';
import { type DefinitionParts, openToolDefinitions } from './definitions/open.js';
import { createExchange, type ExchangeOptions } from './exchange.js';
import { ALL_SERVERS } from './head.js';
import type { Inspector } from './inspect.js';
import { startMcpServer } from './listen.js';
import { createRelay } from './relay.js';
import { createSessions } from './sessions.js';
import { refusalError } from './to-response.js';

/** What the proxy shares with the rest of the process. */
export type HttpProxyParts = Pick<
  ExchangeOptions,
  'guard' | 'holds' | 'behalf' | 'refuser' | 'client' | 'open' | 'attempts' | 'observer' | 'clock' | 'log'
> & {
  readonly inspector: Inspector;
  readonly observer: DefinitionParts['observer'];
  /** Asks about the tools of lists; its refusals are no attempts of the agent. */
  readonly listingGuard: Guard;
  readonly env: Environment;
  readonly traceHeaders?: SurfaceParts['traceHeaders'];
};

/**
 * Starts the proxy.
 * @throws PortcullisError when a credential is missing or the address cannot be bound.
 */
export async function startHttpProxy(config: McpConfig, parts: HttpProxyParts): Promise<Surface> {
  const { limits } = config;
  const upstreams = new Map<string, Upstream>();
  for (const { name, url, headers, decisionHeaders } of config.upstreams) {
    const injected: Record<string, string> = {};
    for (const [header, source] of Object.entries(headers))
      injected[header] = await readSecret(header, source, parts.env);
    const upstream = createUpstream({
      name,
      url: new URL(url),
      headers: injected,
      decisionHeaders,
      traceHeaders: parts.traceHeaders,
      declined: refusalError,
      connectTimeoutMs: limits.connectTimeoutMs,
      headersTimeoutMs: limits.answerTimeoutMs,
      connections: limits.maxConnections,
    });
    upstreams.set(name, upstream);
  }
  const relay = createRelay({
    inspector: parts.inspector,
    limits: { ...limits, responseTimeoutMs: limits.answerTimeoutMs },
    log: parts.log,
  });
  const tools = await openToolDefinitions(config.definitions, { ...parts, guard: parts.listingGuard });
  const exchange = createExchange({
    ...parts,
    tools,
    upstreams,
    sessions: createSessions(),
    relay,
    minimumVersion: config.minimumVersion,
    limits,
  });
  const { host, port, socket } = config.listen;
  const server = await startMcpServer({
    listen: socket === undefined ? { host, port } : { socket },
    rules: {
      servers: new Set([...upstreams.keys(), ...(config.combined ? [ALL_SERVERS] : [])]),
      allowedHosts: config.allowedHosts,
      allowedOrigins: config.allowedOrigins,
      maxHeaders: limits.maxHeaders,
    },
    exchange,
    refuser: parts.refuser,
    limits,
  });
  return {
    ...server,
    async disconnect() {
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    },
  };
}
