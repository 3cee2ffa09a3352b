/**
 * The HTTP client towards one server: the one file that sends messages upstream over HTTP, and it does so for permits
 * only. No redirects, no cookies, no retries; the agent's own credentials never pass (contracts A7).
 */

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { type Permit, requirePermit } from '../../enforce/permit.js';
import type { Refusal } from '../../enforce/refuse.js';

/** Where a server is and what we add for it. */
export interface UpstreamOptions {
  readonly name: string;
  /** The endpoint; `http:` or `https:`. */
  readonly url: URL;
  /** Sent with every request, e.g. the credential that the server wants. Never taken from the agent. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a request names the decision that allowed it; see {@link DECISION_HEADER}. */
  readonly decisionHeaders: boolean;
  /** Trace headers of what a permit sends, in place of the agent's. */
  readonly traceHeaders?: ((permit: Permit) => Headers) | undefined;
  /** How a refusal of a request of the server reads; without it, the server makes none. */
  readonly declined?: ((id: string | number, refusal: Refusal) => string) | undefined;
  readonly connectTimeoutMs: number;
  /** From sending a request to the head of its answer. */
  readonly headersTimeoutMs: number;
  /** Simultaneous connections; streams hold one each. */
  readonly connections: number;
}

/** An upstream's answer; the body flows. */
export interface UpstreamReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Readable;
}

/** One server over HTTP. */
export interface Upstream {
  readonly name: string;
  /**
   * Sends the permit's own payload, and nothing else; `sent` is called when it is on its way.
   * @throws whatever the connection does; the caller turns it into an answer.
   */
  forward(
    permit: Permit,
    verb: 'POST' | 'GET' | 'DELETE',
    headers: Headers,
    signal: AbortSignal,
    sent?: () => void,
  ): Promise<UpstreamReply>;
  /** Sends the agent's answer to a server request that `permit` allowed. */
  answer(permit: Permit, payload: string, headers: Headers, signal: AbortSignal): Promise<UpstreamReply>;
  /** Tells the server that its request `id` was refused. Needs no permit: none of these bytes are the agent's. */
  decline(id: string | number, refusal: Refusal, headers: Headers, signal: AbortSignal): Promise<UpstreamReply>;
  close(): Promise<void>;
}

/** No server: what has not been addressed to one goes nowhere. */
export const NOWHERE: Upstream = Object.freeze({
  name: '',
  forward: () => Promise.reject(new TypeError('no server was chosen')),
  answer: () => Promise.reject(new TypeError('no server was chosen')),
  decline: () => Promise.reject(new TypeError('no server was chosen')),
  close: async () => undefined,
});

/** Request headers by lower-case name. */
export type Headers = Readonly<Record<string, string>>;

/** What a server may be told about the decision behind a request, so that its records can be held against the PDP's. */
export const DECISION_HEADER = {
  decisionId: 'portcullis-decision-id',
  requestDigest: 'portcullis-request-digest',
} as const;

/** An idle connection is closed after this, before the usual server does it under a request. */
const IDLE_MS = 4_000;
const MAX_HEADER_BYTES = 16_384;
/** What is said of a body by whoever sends it. */
const BODY_FIELDS: ReadonlySet<string> = new Set(['content-type', 'content-length']);

/** Opens the client; connects on first use. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, url } = options;
  const secure = url.protocol === 'https:';
  // One exchange at a time on a connection, and what arrives on an idle one ends it: an extra response has no request
  // that it could be mistaken for (A5).
  const pool = { keepAlive: true, maxSockets: options.connections, timeout: IDLE_MS };
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  const request = secure ? httpsRequest : httpRequest;
  const connected = secure ? 'secureConnect' : 'connect';
  const target: RequestOptions = {
    agent,
    // Node wants IPv6 addresses without their brackets.
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    maxHeaderSize: MAX_HEADER_BYTES,
  };

  /** What every request carries, by lower-case name, in place of what the agent sent under that name. */
  const own = new Map<string, readonly [name: string, value: string]>([
    ['host', ['host', url.host]],
    // Compressed bytes could not be checked on their way back.
    ['accept-encoding', ['accept-encoding', 'identity']],
    ...Object.entries(options.headers).map(([field, value]) => [field.toLowerCase(), [field, value]] as const),
  ]);
  const ownFields = [...own.values()].flat();

  /** Names and values in turn: Node writes a list as it is, where an object would be copied and looked through. */
  function fieldsOf(headers: Headers, payload: string | undefined): string[] {
    const fields = [...ownFields];
    if (payload !== undefined) {
      if (!own.has('content-type')) fields.push('content-type', 'application/json');
      fields.push('content-length', `${Buffer.byteLength(payload)}`);
    }
    for (const [field, value] of Object.entries(headers)) {
      // A field that is there twice would be read by somebody as the other one.
      if (!own.has(field) && !(payload !== undefined && BODY_FIELDS.has(field))) fields.push(field, value);
    }
    return fields;
  }

  function send(
    method: 'POST' | 'GET' | 'DELETE',
    payload: string | undefined,
    headers: Headers,
    signal: AbortSignal,
    sent?: () => void,
  ): Promise<UpstreamReply> {
    const outgoing = request({ ...target, method, headers: fieldsOf(headers, payload) });
    const reply = replyTo(outgoing, signal, sent);
    // Out of the reach of what waits for the answer's end: it would hold the payload for as long.
    if (signal.aborted) outgoing.destroy();
    // A string goes out with the head in one write.
    else outgoing.end(payload);
    return reply;
  }

  function replyTo(outgoing: ClientRequest, signal: AbortSignal, sent?: () => void): Promise<UpstreamReply> {
    return new Promise((resolve, reject) => {
      // No silent truncation; the size is limited.
      outgoing.maxHeadersCount = 0;
      let timer: NodeJS.Timeout | undefined;
      let isAnswered = false;
      const within = (ms: number, what: string): void => {
        clearTimeout(timer);
        timer = setTimeout(() => outgoing.destroy(new Error(`${what} within ${ms} ms`)), ms);
      };
      const awaitHead = (): void => within(options.headersTimeoutMs, 'no answer');
      const leave = (): void => {
        outgoing.destroy();
      };
      // None of these happens twice.
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) return awaitHead();
        within(options.connectTimeoutMs, 'no connection');
        socket.once(connected, awaitHead);
      });
      if (sent !== undefined) outgoing.on('finish', sent);
      outgoing.on('response', (incoming) => {
        clearTimeout(timer);
        isAnswered = true;
        resolve({ status: incoming.statusCode ?? 0, headers: receivedHeaders(incoming), body: incoming });
      });
      outgoing.on('error', reject);
      outgoing.on('close', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        // Made for every call, the stack of this error would cost more than its header fields.
        if (!isAnswered) reject(new Error('the exchange was given up'));
      });
      signal.addEventListener('abort', leave);
    });
  }

  function evidence(permit: Permit): Headers {
    const trace = options.traceHeaders?.(permit) ?? {};
    if (!options.decisionHeaders) return trace;
    return {
      ...trace,
      [DECISION_HEADER.decisionId]: permit.decision_id,
      [DECISION_HEADER.requestDigest]: permit.request_digest,
    };
  }

  return {
    name,
    async forward(permit, verb, headers, signal, sent) {
      requirePermit(permit, name, 'client_to_server');
      if ((verb === 'POST') !== (permit.payload !== undefined)) throw new TypeError('the permit is for another verb');
      return send(verb, permit.payload, { ...headers, ...evidence(permit) }, signal, sent);
    },
    async answer(permit, payload, headers, signal) {
      requirePermit(permit, name, 'server_to_client');
      return send('POST', payload, { ...headers, ...evidence(permit) }, signal);
    },
    async decline(id, refusal, headers, signal) {
      if (options.declined === undefined) throw new TypeError('the server makes no requests');
      return send('POST', options.declined(id, refusal), headers, signal);
    },
    async close() {
      agent.destroy();
    },
  };
}

/** By lower-case name; several fields of one name are one list, as HTTP has it. */
function receivedHeaders({ rawHeaders }: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}
