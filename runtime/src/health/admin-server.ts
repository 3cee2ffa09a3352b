import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { Registry } from '../metrics/registry.js';
import type { Health } from './health.js';

/** Options of {@link startAdminServer}. */
export interface AdminServerOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly health: Health;
  /** Called by `POST /drain`; without it the path answers 404. */
  readonly onDrain?: () => void;
}

/** A running admin server. */
export interface AdminServer {
  /** `host:port` as bound. */
  readonly address: string;
  close(): Promise<void>;
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  answer(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

async function route(request: IncomingMessage, response: ServerResponse, options: AdminServerOptions): Promise<void> {
  const { registry, health, onDrain } = options;
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  switch (`${method} ${request.url}`) {
    case 'GET /metrics':
      return answer(response, 200, registry.contentType, await registry.metrics());
    case 'GET /livez':
      return answerJson(response, 200, { ok: true });
    case 'GET /readyz': {
      const readiness = health.ready();
      return answerJson(response, readiness.ok ? 200 : 503, readiness);
    }
    case 'GET /startupz': {
      const started = health.started();
      return answerJson(response, started ? 200 : 503, { ok: started });
    }
    case 'POST /drain':
      if (onDrain === undefined) return answerJson(response, 404, { ok: false });
      answerJson(response, 202, { ok: true });
      return onDrain();
    default:
      return answerJson(response, 404, { ok: false });
  }
}

/** Writes an address the way URLs do. */
function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Serves `/metrics`, `/livez`, `/readyz`, `/startupz` and `POST /drain` in plain HTTP for the node's own agents.
 * @throws PortcullisError `ERR_ADMIN_LISTEN` when the port cannot be bound.
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const host = options.host ?? '127.0.0.1';
  const server = createServer((request, response) => {
    request.resume();
    route(request, response, options).catch(() => {
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { ok: false });
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  try {
    server.listen(options.port, host);
    await once(server, 'listening');
  } catch (error: unknown) {
    throw new PortcullisError('ERR_ADMIN_LISTEN', 'unavailable', 'admin port cannot be bound', {
      cause: error,
      details: { address: hostPort(host, options.port) },
    });
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
  return {
    address: hostPort(host, port),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
