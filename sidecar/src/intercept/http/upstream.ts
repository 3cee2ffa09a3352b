/**
 * The HTTP client towards one server: the one file that sends messages upstream over HTTP, and it does so for permits
 * only. No redirects, no cookies, no retries; the agent's own credentials never pass (contracts A7).
 */

import { type Permit, requirePermit } from '../../enforce/permit.js';
import type { Refusal } from '../../enforce/refuse.js';
import type { UpstreamReply } from './upstream-reply.js';
import { openWire } from './wire.js';

export type { UpstreamReply } from './upstream-reply.js';

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

/** What is said of a body by whoever sends it. */
const BODY_FIELDS: ReadonlySet<string> = new Set(['content-type', 'content-length']);

/** Opens the client; connects on first use. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, url } = options;
  const wire = openWire(options);

  /** What every request carries, by lower-case name, in place of what the agent sent under that name. */
  const own = new Map<string, readonly [name: string, value: string]>([
    ['host', ['host', url.host]],
    // Compressed bytes could not be checked on their way back.
    ['accept-encoding', ['accept-encoding', 'identity']],
    ...Object.entries(options.headers).map(([field, value]) => [field.toLowerCase(), [field, value]] as const),
  ]);
  const ownFields = [...own.values()].flat();

  /** Names and values in turn: a list is taken as it is, where an object would be looked through. */
  function fieldsOf(headers: Headers, payload: string | undefined): string[] {
    const fields = [...ownFields];
    if (payload !== undefined && !own.has('content-type')) fields.push('content-type', 'application/json');
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
    return wire.send({ method, fields: fieldsOf(headers, payload), payload, signal, sent });
  }

  function withEvidence(headers: Headers, permit: Permit): Headers {
    const trace = options.traceHeaders?.(permit);
    if (!options.decisionHeaders) return trace === undefined ? headers : { ...headers, ...trace };
    return {
      ...headers,
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
      return send(verb, permit.payload, withEvidence(headers, permit), signal, sent);
    },
    async answer(permit, payload, headers, signal) {
      requirePermit(permit, name, 'server_to_client');
      return send('POST', payload, withEvidence(headers, permit), signal);
    },
    async decline(id, refusal, headers, signal) {
      if (options.declined === undefined) throw new TypeError('the server makes no requests');
      return send('POST', options.declined(id, refusal), headers, signal);
    },
    close: () => wire.close(),
  };
}
