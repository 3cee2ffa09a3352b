/** The agent's side of the HTTP proxy: a node:http server on loopback or a Unix socket, with every limit set. */

import { once } from 'node:events';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { PortcullisError } from '@portcullis/runtime';
import { type Refuser, RPC_CODE } from '../../enforce/refuse.js';
import type { Exchange } from './exchange.js';
import { type HeadRules, type McpVerb, readHead } from './head.js';
import { refusalError } from './to-response.js';

/** Where to listen. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly socket: string };

/** What the server needs. */
export interface McpServerOptions {
  readonly listen: ListenAddress;
  readonly rules: HeadRules;
  readonly exchange: Exchange;
  readonly refuser: Refuser;
  readonly limits: {
    readonly maxHeaderBytes: number;
    readonly headersTimeoutMs: number;
    readonly maxConnections: number;
  };
}

/** A listening proxy. */
export interface McpServer {
  /** `host:port` as bound, or the path of the socket. */
  readonly address: string;
  /**
   * Accepts no connections, refuses whatever still comes on open ones, ends streams that wait for nothing in
   * particular, and resolves when the last exchange is over.
   */
  finish(): Promise<void>;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

/** Why an exchange is given up. A value: an exception would be made with its stack, for nobody to read. */
const LEFT = 'the agent is not there any more';

/**
 * Starts listening.
 * @throws PortcullisError `ERR_LISTEN` when the address cannot be bound.
 */
export async function startMcpServer(options: McpServerOptions): Promise<McpServer> {
  const { rules, exchange, refuser, limits } = options;
  const running = new Map<AbortController, { readonly verb: McpVerb; readonly response: ServerResponse }>();
  let draining = false;
  let wake = (): void => undefined;

  function refuseHttp(
    response: ServerResponse,
    status: number,
    text: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    response.writeHead(status, {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      // The body was not read, so the connection ends with this answer.
      connection: 'close',
    });
    response.end(text);
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    if (draining) {
      const refusal = refuser.refuse('SHUTTING_DOWN');
      refuseHttp(response, refusal.httpStatus, refusalError(undefined, refusal));
      return;
    }
    const head = readHead(request, rules);
    if (!head.ok) {
      const { status, rpcCode, message, headers } = head;
      const refusal = refuser.refuse('REQUEST_INVALID', { message, rpcCode, httpStatus: status });
      refuseHttp(response, status, refusalError(undefined, refusal), headers);
      return;
    }
    const abort = new AbortController();
    running.set(abort, { verb: head.verb, response });
    response.on('close', () => {
      if (!response.writableFinished) abort.abort(LEFT);
    });
    exchange(head, request, response, abort.signal)
      .catch((thrown: unknown) => {
        refuser.fault(thrown);
      })
      .finally(() => {
        // Whatever happened, nobody is left waiting: without an answer the connection ends.
        if (!response.writableEnded) response.destroy();
        running.delete(abort);
        if (running.size === 0) wake();
      });
  }

  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      // The body has its own clock; Node's would also end streams that are meant to stay open.
      requestTimeout: 0,
      connectionsCheckingInterval: 500,
      keepAliveTimeout: 30_000,
      requireHostHeader: true,
      joinDuplicateHeaders: false,
      insecureHTTPParser: false,
    },
    serve,
  );
  // No silent truncation: the head check counts the fields itself.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  server.on('checkContinue', (_request, response: ServerResponse) => expectationFailed(response));
  server.on('checkExpectation', (_request, response: ServerResponse) => expectationFailed(response));
  server.on('connect', (_request, socket: Duplex) =>
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\n\r\n'),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) return socket.destroy();
    return socket.end(`HTTP/1.1 ${statusOf(error.code)}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
  const address = await listen(server, options.listen);

  function expectationFailed(response: ServerResponse): void {
    const details = { message: 'expectations are not supported', rpcCode: RPC_CODE.invalidRequest, httpStatus: 417 };
    refuseHttp(response, 417, refusalError(undefined, refuser.refuse('REQUEST_INVALID', details)));
  }

  return {
    address,
    async finish() {
      draining = true;
      server.close();
      server.closeIdleConnections();
      // A stream for whatever the server may say one day has no end to wait for.
      for (const [abort, { verb, response }] of running) {
        if (verb === 'GET') abort.abort();
        // Or the agent would take the connection for good and lose its next request with it.
        else if (!response.headersSent) response.setHeader('connection', 'close');
      }
      if (running.size === 0) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    async close() {
      draining = true;
      for (const abort of running.keys()) abort.abort();
      if (!server.listening) return server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function statusOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}

async function listen(server: Server, at: ListenAddress): Promise<string> {
  try {
    if ('socket' in at) await removeStale(at.socket);
    if ('socket' in at) server.listen(at.socket);
    else server.listen(at.port, at.host);
    await once(server, 'listening');
    // Whoever can open the socket acts as the agent.
    if ('socket' in at) await chmod(at.socket, 0o600);
  } catch (error: unknown) {
    throw new PortcullisError('ERR_LISTEN', 'unavailable', 'the MCP port cannot be bound', {
      cause: error,
      details: { ...at },
    });
  }
  const bound = server.address();
  if (typeof bound === 'string' || bound === null) return bound ?? '';
  return bound.address.includes(':') ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

/** A process that was killed leaves its socket behind. It is removed if it is a socket and nobody listens on it. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true && (await refuses(path))) await unlink(path);
}

/** Whether a connection is refused; any other outcome, such as one that is accepted, speaks of a listener. */
function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
