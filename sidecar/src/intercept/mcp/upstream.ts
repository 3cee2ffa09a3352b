/**
 * The HTTP client towards one MCP server: the one file that sends bytes upstream over HTTP, and it does so for permits
 * only. No redirects, no cookies, no retries; the agent's own credentials never pass (contracts A7).
 */

import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import { type Permit, requirePermit } from '../../enforce/permit.js';
import type { Refusal } from '../../enforce/refuse.js';
import type { RpcId } from './message.js';
import { refusalError } from './to-response.js';

/** Where a server is and what we add for it. */
export interface UpstreamOptions {
  readonly name: string;
  /** The MCP endpoint; `http:` or `https:`. */
  readonly url: URL;
  /** Sent with every request, e.g. the credential that the server wants. Never taken from the agent. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a request names the decision that allowed it; see {@link DECISION_HEADER}. */
  readonly decisionHeaders: boolean;
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

/** One MCP server over HTTP. */
export interface Upstream {
  readonly name: string;
  /**
   * Sends the permit's own payload, and nothing else.
   * @throws whatever the connection does; the caller turns it into an answer.
   */
  forward(
    permit: Permit,
    verb: 'POST' | 'GET' | 'DELETE',
    headers: Headers,
    signal: AbortSignal,
  ): Promise<UpstreamReply>;
  /** Sends the agent's answer to a server request that `permit` allowed. */
  answer(permit: Permit, payload: string, headers: Headers, signal: AbortSignal): Promise<UpstreamReply>;
  /** Tells the server that its request `id` was refused. Needs no permit: none of these bytes are the agent's. */
  decline(id: RpcId, refusal: Refusal, headers: Headers, signal: AbortSignal): Promise<UpstreamReply>;
  close(): Promise<void>;
}

/** Request headers by lower-case name, as {@link forwardable} makes them. */
export type Headers = Readonly<Record<string, string>>;

/** What a server may be told about the decision behind a request, so that its records can be held against the PDP's. */
export const DECISION_HEADER = {
  decisionId: 'portcullis-decision-id',
  requestDigest: 'portcullis-request-digest',
} as const;

/** What passes from agent to server. A list of what may, because what may not cannot be listed. */
const PASS: ReadonlySet<string> = new Set([
  'accept',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'traceparent',
  'tracestate',
]);

/** The headers of the agent's request that go on. */
export function forwardable(headers: ReadonlyMap<string, string>): Headers {
  const passed: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (PASS.has(name) || name.startsWith('mcp-param-')) passed[name] = value;
  }
  return passed;
}

/** Opens the client; connects on first use. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, url } = options;
  const agent = new Agent({
    // One exchange at a time on a connection: an extra response has no request it could be mistaken for (A5).
    pipelining: 1,
    allowH2: false,
    connections: options.connections,
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.headersTimeoutMs,
    // Streams are quiet for as long as they like.
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
  });
  const origin = url.origin;
  const path = `${url.pathname}${url.search}`;

  async function send(
    method: 'POST' | 'GET' | 'DELETE',
    payload: string | undefined,
    headers: Headers,
    signal: AbortSignal,
  ) {
    const reply = await agent.request({
      origin,
      path,
      method,
      signal,
      body: payload ?? null,
      headers: {
        ...headers,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        // Compressed bytes could not be checked on their way back.
        'accept-encoding': 'identity',
        ...options.headers,
      },
    });
    const received = new Map<string, string>();
    for (const [key, value] of Object.entries(reply.headers)) {
      if (value !== undefined) received.set(key.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
    }
    return { status: reply.statusCode, headers: received, body: reply.body };
  }

  function evidence(permit: Permit): Headers {
    if (!options.decisionHeaders) return {};
    return {
      [DECISION_HEADER.decisionId]: permit.decision_id,
      [DECISION_HEADER.requestDigest]: permit.request_digest,
    };
  }

  return {
    name,
    async forward(permit, verb, headers, signal) {
      requirePermit(permit, name, 'client_to_server');
      if ((verb === 'POST') !== (permit.payload !== undefined)) throw new TypeError('the permit is for another verb');
      return send(verb, permit.payload, { ...headers, ...evidence(permit) }, signal);
    },
    async answer(permit, payload, headers, signal) {
      requirePermit(permit, name, 'server_to_client');
      return send('POST', payload, { ...headers, ...evidence(permit) }, signal);
    },
    async decline(id, refusal, headers, signal) {
      return send('POST', refusalError(id, refusal), headers, signal);
    },
    async close() {
      await agent.destroy();
    },
  };
}
