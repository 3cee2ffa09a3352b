/** One request to a server and its answer, on a connection that is kept: undici's `dispatch`, which follows and repeats nothing. */

import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { ArrivingReply, type UpstreamReply } from './upstream-reply.js';

/** What is sent. */
export interface WireRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Names and values in turn, without the length of the payload. */
  readonly fields: string[];
  readonly payload: string | undefined;
  readonly signal: AbortSignal;
  /** Told when it is on its way. */
  readonly sent?: (() => void) | undefined;
}

/** The connections to one server. */
export interface Wire {
  /** Rejects whenever there is no answer. */
  send(request: WireRequest): Promise<UpstreamReply>;
  close(): Promise<void>;
}

/** What connections are made with. */
export interface WireOptions {
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** From sending a request to the head of its answer. */
  readonly headersTimeoutMs: number;
  /** Simultaneous ones. */
  readonly connections: number;
}

/** An idle connection is closed after this, before the usual server does it under a request. */
const IDLE_MS = 4_000;
const MAX_HEADER_BYTES = 16_384;
/** A larger payload is not held until its answer has ended, which may take hours. */
const HELD_BYTES = 16_384;

const GIVEN_UP = 'the exchange was given up';

/** Opens it; connects on first use. */
export function openWire({ url, connectTimeoutMs, headersTimeoutMs, connections }: WireOptions): Wire {
  const dial = buildConnector({ timeout: connectTimeoutMs, allowH2: false });
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Whatever a request's Host field says: who the server is, its address says.
  const servername = isIP(host) === 0 ? host : '';
  // One exchange at a time on a connection, and what arrives on an idle one ends it: an extra response has no request
  // that it could be mistaken for (A5).
  const pool = new Pool(url.origin, {
    connections,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Theirs begin again with every informational answer; ours do not. Bodies have the clocks of who reads them.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (target, callback) => dial({ ...target, servername }, callback),
    factory: (origin, poolOptions) => new Line(origin, poolOptions),
  });
  const path = `${url.pathname}${url.search}`;
  return {
    send({ method, fields, payload, signal, sent }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(new Error(GIVEN_UP));
        const exchange = new Exchange({ resolve, reject, signal, sent, headersTimeoutMs });
        pool.dispatch({ path, method, ...contentOf(fields, payload) }, exchange);
        return undefined;
      });
    },
    close: () => pool.destroy(),
  };
}

/** Bytes are said to be as long as they are; a stream, which lets go of what it has brought, has to be told. */
function contentOf(
  headers: string[],
  payload: string | undefined,
): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (payload === undefined) return { headers, body: null };
  const bytes = Buffer.from(payload);
  if (bytes.length <= HELD_BYTES) return { headers, body: bytes };
  const body = Readable.from([bytes], { objectMode: false });
  return { headers: [...headers, 'content-length', `${bytes.length}`], body };
}

/**
 * A connection of the pool. One that refuses to write a request says what one says that is busy, and the pool would wait for it to
 * say that it is not any more, which one that has had nothing to do never does.
 */
class Line extends Client {
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const isFree = super.dispatch(options, handler);
    return isFree || (handler instanceof Exchange && handler.isRefused);
  }
}

interface ExchangeParts {
  readonly resolve: (reply: UpstreamReply) => void;
  readonly reject: (error: Error) => void;
  readonly signal: AbortSignal;
  readonly sent: (() => void) | undefined;
  readonly headersTimeoutMs: number;
}

/** What undici calls about one request. It may be aborted before it has a connection, and is then never sent. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #parts: ExchangeParts;
  #controller: Dispatcher.DispatchController | undefined;
  #reply: ArrivingReply | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** It cannot be written as it is, and was given to no connection. */
  isRefused = false;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    parts.signal.addEventListener('abort', this.#leave);
  }

  readonly #leave = (): void => {
    const error = new Error(GIVEN_UP);
    if (this.#controller === undefined) this.onResponseError(undefined, error);
    else this.#controller.abort(error);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal, headersTimeoutMs } = this.#parts;
    // Thrown, it costs the connection nothing.
    if (signal.aborted) throw new Error(GIVEN_UP);
    this.#controller = controller;
    this.#timer = setTimeout(
      () => controller.abort(new Error(`no answer within ${headersTimeoutMs} ms`)),
      headersTimeoutMs,
    );
  }

  onRequestSent(): void {
    this.#parts.sent?.();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // Informational.
    if (status < 200) return;
    clearTimeout(this.#timer);
    const reply = new ArrivingReply(status, receivedHeaders(controller), controller);
    this.#reply = reply;
    this.#parts.resolve(reply);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#reply?.arrived(chunk);
  }

  onResponseEnd(): void {
    this.#over();
    this.#reply?.ended();
  }

  /** @param controller null for what was refused before anything was done about it */
  onResponseError(controller: unknown, error: Error): void {
    this.isRefused = controller === null;
    this.#over();
    // Without effect where it was answered.
    this.#parts.reject(error);
    this.#reply?.failed(error);
  }

  #over(): void {
    clearTimeout(this.#timer);
    this.#parts.signal.removeEventListener('abort', this.#leave);
  }
}

function receivedHeaders({ rawHeaders }: Dispatcher.DispatchController): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  if (!Array.isArray(rawHeaders)) return headers;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = latin1(rawHeaders[at]).toLowerCase();
    const value = latin1(rawHeaders[at + 1]);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function latin1(field: Buffer | string | undefined): string {
  return typeof field === 'string' ? field : (field?.toString('latin1') ?? '');
}
