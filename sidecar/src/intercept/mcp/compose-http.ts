/** Puts the Streamable HTTP proxy together. Loaded only when it is configured. */

import { readFile } from 'node:fs/promises';
import { type Environment, PortcullisError } from '@portcullis/runtime';
import type { HeaderSource, McpConfig } from './config.js';
import { createExchange, type ExchangeOptions } from './exchange.js';
import type { Inspector } from './inspect.js';
import { type McpServer, startMcpServer } from './listen.js';
import { createRelay } from './relay.js';
import { createSessions } from './sessions.js';
import { createUpstream, type Upstream } from './upstream.js';

/** What the proxy shares with the rest of the process. */
export type HttpProxyParts = Pick<
  ExchangeOptions,
  'guard' | 'refuser' | 'client' | 'open' | 'attempts' | 'observer' | 'clock' | 'log'
> & {
  readonly inspector: Inspector;
  readonly env: Environment;
};

/** A running proxy. */
export interface HttpProxy extends McpServer {
  /** Ends the connections to the servers. */
  disconnect(): Promise<void>;
}

/**
 * Starts the proxy.
 * @throws PortcullisError when a credential is missing or the address cannot be bound.
 */
export async function startHttpProxy(config: McpConfig, parts: HttpProxyParts): Promise<HttpProxy> {
  const { limits } = config;
  const upstreams = new Map<string, Upstream>();
  for (const { name, url, headers, decisionHeaders } of config.upstreams) {
    const injected: Record<string, string> = {};
    for (const [header, source] of Object.entries(headers))
      injected[header] = await readHeader(header, source, parts.env);
    const upstream = createUpstream({
      name,
      url: new URL(url),
      headers: injected,
      decisionHeaders,
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
  const exchange = createExchange({
    ...parts,
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
      servers: new Set(upstreams.keys()),
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

async function readHeader(name: string, source: HeaderSource, env: Environment): Promise<string> {
  const missing = (cause?: unknown): PortcullisError =>
    new PortcullisError('ERR_CREDENTIAL_MISSING', 'invalid', 'the value of an upstream header is missing or unusable', {
      details: { header: name, source: 'file' in source ? source.file : source.env },
      ...(cause === undefined ? {} : { cause }),
    });
  let value: string;
  try {
    value = ('file' in source ? await readFile(source.file, 'utf8') : (env[source.env] ?? '')).trim();
  } catch (error: unknown) {
    throw missing(error);
  }
  if (!/^[\x20-\x7e]+$/.test(value)) throw missing();
  return value;
}
