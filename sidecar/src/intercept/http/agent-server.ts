/** A server that agents speak HTTP to: node:http on loopback or a Unix socket, with every limit set, and drained in order. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Refusal, type Refuser, RPC_CODE } from '../../enforce/refuse.js';
import { destroyLater, endWith } from './backpressure.js';
import { bind, type ListenAddress } from './bind.js';

/** What the server needs. */
export interface AgentServerOptions {
  /** Names the port in errors, e.g. "the MCP port". */
  readonly what: string;
  readonly listen: ListenAddress;
  readonly refuser: Refuser;
  /**
   * Serves one request; `signal` is aborted when the agent left, or must leave. A response that is not ended when this
   * settles is destroyed.
   */
  serve(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void>;
  /** Writes a refusal in the surface's own shape; nothing has been sent yet. The connection ends with it. */
  refuse(response: ServerResponse, refusal: Refusal): void;
  /** Whether a request is a stream for whatever may be said one day, which has no end to wait for. */
  isEndless?(request: IncomingMessage): boolean;
  /** Takes over CONNECT; without it CONNECT is answered 405. */
  connect?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /**
   * Takes over requests to open a WebSocket; without it the wish is ignored. What the client has sent besides waits in
   * `socket`, and `response` answers on it. Must not reject.
   */
  upgrade?(request: IncomingMessage, response: ServerResponse, socket: Duplex): Promise<void>;
  /** Whether `Expect: 100-continue` is served like any other request; without it every expectation is answered 417. */
  readonly takesExpectations?: boolean;
  readonly limits: {
    readonly maxHeaderBytes: number;
    readonly headersTimeoutMs: number;
    readonly maxConnections: number;
  };
}

/** A listening server. */
export interface AgentServer {
  /** `host:port` as bound, or the path of the socket. */
  readonly address: string;
  /**
   * Accepts no connections, refuses whatever still comes on open ones, ends streams that wait for nothing in
   * particular, and resolves when the last exchange is over.
   */
  finish(): Promise<void>;
  /** Ends everything that still runs. */
  close(): Promise<void>;
  /** Serves HTTP on a connection that came another way, as if it had been accepted here. */
  adopt(socket: Duplex): void;
}

/** Why an exchange is given up. A value: an exception would be made with its stack, for nobody to read. */
const LEFT = 'the agent is not there any more';

/**
 * Starts listening.
 * @throws PortcullisError `ERR_LISTEN` when the address cannot be bound.
 */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const { refuser, limits } = options;
  const running = new Map<AbortController, { readonly isEndless: boolean; readonly response: ServerResponse }>();
  /** Per connection, what is still to be answered, in order. */
  const unanswered = new WeakMap<Duplex, Set<ServerResponse>>();
  /** Connections that have brought what is not HTTP. */
  const broken = new WeakSet<Duplex>();
  let draining = false;
  let wake = (): void => undefined;

  function refuse(response: ServerResponse, refusal: Refusal): void {
    // The body was not read, so the connection ends with this answer.
    response.setHeader('connection', 'close');
    options.refuse(response, refusal);
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    if (draining) {
      refuse(response, refuser.refuse('SHUTTING_DOWN'));
      return;
    }
    if (request.headers.host === undefined && request.httpVersion !== '1.0') {
      refuse(response, refuser.refuse('REQUEST_INVALID', { message: 'the request has no Host field' }));
      return;
    }
    const { socket } = request;
    const earlier = unanswered.get(socket) ?? new Set();
    unanswered.set(socket, earlier.add(response));
    const abort = new AbortController();
    running.set(abort, { isEndless: options.isEndless?.(request) ?? false, response });
    response.on('close', () => {
      earlier.delete(response);
      if (!response.writableFinished) abort.abort(LEFT);
    });
    options
      .serve(request, response, abort.signal)
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
      // Node's own answer would be on no record.
      requireHostHeader: false,
      joinDuplicateHeaders: false,
      insecureHTTPParser: false,
      shouldUpgradeCallback: ({ headers }) =>
        options.upgrade !== undefined && headers.upgrade?.toLowerCase() === 'websocket',
    },
    serve,
  );
  // No silent truncation: the head check counts the fields itself.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  server.on('checkContinue', (request, response: ServerResponse) => {
    if (options.takesExpectations === true) serve(request, response);
    else expectationFailed(response);
  });
  server.on('checkExpectation', (_request, response: ServerResponse) => expectationFailed(response));
  server.on('connect', (request, socket: Duplex, head: Buffer) => {
    if (isEarly(request, socket)) return undefined;
    if (options.connect !== undefined && !draining) return options.connect(request, socket, head);
    const target = { operation: 'CONNECT' };
    const { httpStatus } = draining
      ? refuser.refuse('SHUTTING_DOWN', { target })
      : refuser.refuse('REQUEST_INVALID', { httpStatus: 405, target });
    return lastWords(socket, httpStatus);
  });
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    if (isEarly(request, socket)) return undefined;
    socket.on('error', () => undefined);
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    response.shouldKeepAlive = false;
    // The server has let go of the socket, and told nobody that this answers on it.
    socket.on('drain', () => response.emit('drain'));
    response.once('finish', () => endWith(socket));
    if (options.upgrade === undefined || draining) refuse(response, refuser.refuse('SHUTTING_DOWN'));
    else void options.upgrade(request, response, socket);
    return undefined;
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The parser says so again of everything that follows.
    if (socket.destroyed || broken.has(socket)) return;
    broken.add(socket);
    const httpStatus = statusOf(error.code);
    const open = [...(unanswered.get(socket) ?? [])];
    const isOfTheOnly = open.length === 1 && open[0]?.req.complete === false;
    if (isOfTheOnly && open[0]?.headersSent === true) {
      // What it is answered is known, and on record.
      destroyLater(socket);
    } else if (httpStatus === undefined || (socket as Socket).bytesRead === 0) {
      // Who leaves, or has said nothing so far, has attempted nothing.
      lastWords(socket, httpStatus ?? 400);
    } else {
      refuser.refuse('REQUEST_INVALID', { httpStatus });
      const before = isOfTheOnly ? undefined : open.at(-1);
      if (before === undefined) lastWords(socket, httpStatus);
      // Said now it would be read as the answer of an earlier request; those are answered, and that is all.
      else before.once('close', () => endWith(socket));
    }
  });
  const address = await bind(server, options.listen, options.what);

  /** The answer to an earlier request would be written into what the connection carries from now on. */
  function isEarly({ method }: IncomingMessage, socket: Duplex): boolean {
    if ((unanswered.get(socket)?.size ?? 0) === 0) return false;
    const message = 'an earlier request of the connection has no answer yet';
    refuser.refuse('REQUEST_INVALID', { message, target: { operation: method } });
    socket.destroy();
    return true;
  }

  function expectationFailed(response: ServerResponse): void {
    const details = { message: 'expectations are not supported', rpcCode: RPC_CODE.invalidRequest, httpStatus: 417 };
    refuse(response, refuser.refuse('REQUEST_INVALID', details));
  }

  return {
    address,
    adopt(socket) {
      if (draining) socket.destroy();
      else server.emit('connection', socket);
    },
    async finish() {
      draining = true;
      server.close();
      server.closeIdleConnections();
      for (const [abort, { isEndless, response }] of running) {
        if (isEndless) abort.abort();
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

/** What is wrong with what a client sent; nothing where it is the connection that failed. */
function statusOf(code: string | undefined): number | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code === 'HPE_INVALID_EOF_STATE') return undefined;
  return code?.startsWith('HPE_') === true ? 400 : undefined;
}

/** A status, for what speaks no HTTP any more or never did; the connection ends with it. */
function lastWords(socket: Duplex, status: number): void {
  socket.on('error', () => undefined);
  endWith(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
