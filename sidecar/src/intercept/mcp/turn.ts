/** One HTTP exchange with an agent about one server: what every stage of it works on. */

import type { ServerResponse } from 'node:http';
import type { Json } from '@portcullis/policy/model';
import type { Behalf } from '../../behalf/behalf.js';
import type { TraceFields } from '../../trace/w3c.js';
import type { Headers, Upstream } from '../http/upstream.js';
import type { Head } from './head.js';
import { MIRROR_PREFIX, type Spoken } from './headers.js';
import type { Expectation } from './inspect.js';
import type { Sighting } from './to-attempt.js';

/** It. */
export interface Turn {
  readonly head: Head;
  readonly response: ServerResponse;
  /** Aborted when the agent left, or must leave. */
  readonly signal: AbortSignal;
  /** Aborted when the agent has cancelled the request; at the endpoint of all servers, whose servers may have no sessions. */
  readonly unwanted?: AbortSignal;
  readonly upstream: Upstream;
  /** Of the agent's headers, those that go on. */
  readonly headers: Headers;
  /** Told what the server gave for a request, once the agent may have it. */
  readonly learned?: (brought: Json) => void;
  /** A message of the server with the ids that the agent knows; nothing: it is not for the agent. Answers stay as they are. */
  readonly readdressed?: (message: Buffer) => Buffer | undefined | Promise<Buffer | undefined>;
  /** Whether the agent may hear what a server says, by what it is about; everything where it is absent. */
  readonly concerns?: Expectation['concerns'];
  readonly behalf: Behalf;
}

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
    if (PASS.has(name) || isParameterMirror(name)) passed[name] = value;
  }
  return passed;
}

/** Those that go with an answer to a server: it has no method, name or arguments that a header could repeat. */
export function answering({ 'mcp-method': _method, 'mcp-name': _name, ...headers }: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isParameterMirror(name)));
}

/** Whether a header repeats an argument of a tool. */
export function isParameterMirror(name: string): boolean {
  return name.startsWith(MIRROR_PREFIX);
}

/** Where what the agent says in it is seen. */
export function sightingOf({ head, behalf }: Turn, spoken: Spoken): Sighting {
  return {
    server: head.server,
    direction: 'client_to_server',
    era: spoken.era,
    protocolVersion: spoken.version,
    sessionId: head.headers.get('mcp-session-id'),
    behalf,
  };
}

/** What the connection says of the trace that it belongs to. */
export function traceOf({ head: { headers } }: Turn): TraceFields {
  return { traceparent: headers.get('traceparent'), tracestate: headers.get('tracestate') };
}
