/** One HTTP exchange with an agent: read, decide, forward, relay, settle. Reads top to bottom; nothing is skipped. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CanonicalRequest, JsonObject, Source } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import { type Attempt, type Guard, isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import { type Refusal, type Refuser, RPC_CODE } from '../../enforce/refuse.js';
import { bytesOf, createReport } from '../../enforce/report.js';
import { redactMessage } from '../../redact/message.js';
import type { TraceFields } from '../../trace/w3c.js';
import { collect } from '../http/body.js';
import { answerJson, beginEvents, sseEvent } from '../http/late-answer.js';
import { combine } from './combined/combined.js';
import { PAGE_TIMEOUT_MS, pageRequest } from './definitions/fetch-page.js';
import type { ToolDefinitions, ToolPage } from './definitions/tool-definitions.js';
import { ALL_SERVERS, type BadHead, type Head } from './head.js';
import { type ProtocolVersion, readMirrors, readVersionHeader, type Spoken } from './headers.js';
import { elicitsUrl } from './held/call.js';
import { type Holds, isInstead, type Party } from './held/holds.js';
import { type Declined, type Expectation, upstreamError } from './inspect.js';
import { isRpcId, type RpcId, type RpcMessage, type RpcRequest, type RpcResponse, readMessage } from './message.js';
import type { Relay, RelayOutcome, RelayTask } from './relay.js';
import type { Session, Sessions, Waiting } from './sessions.js';
import {
  type AttemptMaker,
  CALL_TOOL,
  isAttempt,
  LIST_TOOLS,
  type NotAnAttempt,
  type Sighting,
  withDefinition,
} from './to-attempt.js';
import { refusalError, rpcError, statusOfRefusedRequest } from './to-response.js';
import { forwardable, type Headers, NOWHERE, type Upstream, type UpstreamReply } from './upstream.js';

/** Names a request that may still be on its way to the server; each message is decided by itself, and takes its time. */
const CANCELLED = 'notifications/cancelled';
/** For telling a server that its request was refused. */
const DECLINE_TIMEOUT_MS = 10_000;

/** Largest result that is read again after it was filtered: what a server may send at all is bounded before. */
const OWN_RESULT_BYTES = 268_435_456;
const ONLY_MODERN: BadHead = {
  ok: false,
  status: 400,
  rpcCode: RPC_CODE.unsupportedProtocolVersion,
  message: 'the endpoint of all servers speaks 2026-07-28 only: use /mcp/<name>',
  data: { supported: ['2026-07-28'] },
};

/** Who hears how exchanges ended. */
export interface ExchangeObserver {
  /** An allowed attempt was carried out, or failed upstream. */
  carriedOut(source: Source, outcome: RelayOutcome): void;
  /** A message was dealt with in whatever way; seconds from its arrival. */
  took(seconds: number): void;
}

/** What an exchange needs. */
export interface ExchangeOptions {
  readonly guard: Guard;
  /** Decides what may be held for people. */
  readonly holds: Holds;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly attempts: AttemptMaker;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly sessions: Sessions;
  /** Told what is under way, so that it can be cut off. */
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly relay: Relay;
  readonly tools: ToolDefinitions;
  readonly observer: ExchangeObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly minimumVersion: ProtocolVersion;
  readonly limits: { readonly maxBodyBytes: number; readonly bodyTimeoutMs: number };
}

/** Serves requests whose head is in order. Never rejects. */
export type Exchange = (
  head: Head,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
) => Promise<void>;

/** Makes the exchange. */
export function createExchange(options: ExchangeOptions): Exchange {
  const { guard, holds, refuser, attempts, sessions, relay, tools, limits, minimumVersion } = options;
  const report = createReport(options.client, options.clock);

  return async (head, request, response, signal) => {
    const startedAt = options.clock.monotonic();
    try {
      // Nothing is sent before a server was chosen by name.
      const upstream = head.server === ALL_SERVERS ? NOWHERE : options.upstreams.get(head.server);
      if (upstream === undefined) throw new TypeError('the head names no upstream');
      const turn: Turn = { head, response, signal, upstream, headers: forwardable(head.headers) };
      await (head.verb === 'POST' ? post(turn, request) : verb(turn, head.verb));
    } catch (thrown) {
      const refusal = refuser.fault(thrown);
      send(response, refusal.httpStatus, refusalError(undefined, refusal));
    } finally {
      if (head.verb === 'POST') options.observer.took((options.clock.monotonic() - startedAt) / 1000);
    }
  };

  async function post(turn: Turn, request: IncomingMessage): Promise<void> {
    const announced = Number(turn.head.headers.get('content-length') ?? 0);
    if (announced > limits.maxBodyBytes) return unreadable(turn, 413, 'the body is larger than allowed');
    const collected = await collect(request, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs });
    if (collected.kind === 'broken') return;
    if (collected.kind === 'too_large') return unreadable(turn, 413, 'the body is larger than allowed');
    if (collected.kind === 'late') return unreadable(turn, 408, 'the body took too long');
    if (request.rawTrailers.length > 0) return unreadable(turn, 400, 'trailers are not accepted');

    const read = readMessage(collected.bytes, { maxBytes: limits.maxBodyBytes });
    if (!read.ok) return respond(turn, read.id, invalid(read.message, 400, read.rpcCode), 400);
    const { message } = read;
    const id = message.kind === 'request' ? message.id : undefined;
    const spoken = readMirrors(turn.head.headers, message, minimumVersion);
    if (!spoken.ok) return badHead(turn, id, spoken);
    if (turn.head.server === ALL_SERVERS) return toAll(turn, message, spoken);
    const seen = sighting(turn, spoken);
    if (message.kind === 'response') return clientAnswer(turn, message, seen);
    return clientMessage(turn, message, seen);
  }

  async function clientMessage(turn: Turn, sent: Exclude<RpcMessage, RpcResponse>, seen: Sighting): Promise<void> {
    const id = sent.kind === 'request' ? sent.id : undefined;
    const admitted = sent.kind === 'request' ? holds.admit(sent, seen) : undefined;
    if (admitted !== undefined && 'kind' in admitted) return refused(turn, id, admitted, seen);
    const message = admitted?.message ?? sent;
    const cancelled = message.method === CANCELLED ? message.params['requestId'] : undefined;
    const made = attempts.fromMessage(message, seen);
    if (!isAttempt(made)) {
      const refusal = notAnAttempt(made);
      return made.refused === 'SHAPE' ? respond(turn, id, refusal, 400) : refused(turn, id, refusal, seen);
    }
    const session = sessions.of(seen.server, seen.sessionId);
    if (id !== undefined && !session.begin(id)) {
      return refused(turn, id, invalid('the id is in use, or too many requests are open'), seen);
    }
    let answered = false;
    let brokeOff = false;
    try {
      const described = message.kind === 'request' ? await defined(turn, message, made, session, seen) : made;
      if (isRefusal(described)) return refused(turn, id, described, seen);
      const attempt = { ...described, trace: traceOf(turn.head.headers) };
      // What waits for people has not gone anywhere, and goes nowhere any more.
      if (isRpcId(cancelled)) session.cancel(cancelled);
      const client = admitted === undefined ? undefined : party(turn, session, admitted.message.id);
      const outcome =
        admitted === undefined || client === undefined
          ? await guard(attempt)
          : await holds.decide(attempt, admitted, seen, client).finally(client.left);
      if (isInstead(outcome)) return send(turn.response, 200, outcome.instead);
      if (isRefusal(outcome)) return refused(turn, id, outcome, seen);
      if (client?.hasCancelled === true) return refused(turn, id, unwanted(outcome, attempt.request), seen);
      if (outcome.payload !== attempt.payload && mirrorsParameters(turn.headers)) {
        return refused(turn, id, notMirrored(outcome), seen);
      }
      await session.opened();
      if (isRpcId(cancelled)) await session.gone(cancelled);
      const expected = expectation(session, seen, (given) => given === id && !answered);
      await carryOut(turn, outcome, id, expected, {
        request: attempt.request,
        ...(id !== undefined && message.method === LIST_TOOLS
          ? { shown: (bytes: Buffer) => tools.shown(bytes, { requestId: id, seen, session, permit: outcome }) }
          : {}),
        send: () =>
          turn.upstream
            .forward(outcome, 'POST', turn.headers, turn.signal, () => {
              if (id !== undefined) session.left(id);
            })
            .then((reply) => {
              if (message.method === 'initialize') introduced(seen, message.params, reply);
              return reply;
            }),
        relay: (task) => (id === undefined ? relay.status(task) : relay.answer(task)),
        answered: () => {
          answered = true;
        },
        brokeOff: () => {
          // Nobody would report, redact or filter what came on another stream.
          brokeOff = outcome.report === undefined && outcome.redaction === undefined && message.method !== LIST_TOOLS;
        },
      });
    } finally {
      if (id !== undefined) session.end(id, brokeOff);
    }
  }

  /** A call with the digest of its tool's definition, or why it is refused without asking. */
  async function defined(
    turn: Turn,
    message: RpcRequest,
    made: Attempt,
    session: Session,
    seen: Sighting,
  ): Promise<Attempt | Refusal> {
    const { name, arguments: args = {} } = made.request.tool ?? {};
    if (message.method !== CALL_TOOL || name === undefined) return made;
    const fetch = (cursor: string | undefined): Promise<ToolPage> => fetchTools(turn, message, seen, cursor);
    const known = await tools.ofCall(name, { args, seen, session, fetch });
    if ('kind' in known) return known;
    return known.digest === undefined ? made : withDefinition(made, known.digest);
  }

  /** A page of the server's list, for ourselves alone. */
  async function fetchTools(
    turn: Turn,
    call: RpcRequest,
    seen: Sighting,
    cursor: string | undefined,
  ): Promise<ToolPage> {
    return { result: await fetchOwn(turn, pageRequest(call, cursor), seen) };
  }

  /**
   * What a request on our own account brings, decided and recorded like the agent's. Rejects when it brings nothing.
   * @param asAgent makes of it what the agent may have
   */
  async function fetchOwn(
    turn: Turn,
    asked: RpcRequest,
    seen: Sighting,
    asAgent?: (result: JsonObject, permit: Permit) => Promise<JsonObject>,
  ): Promise<JsonObject> {
    const made = attempts.fromMessage(asked, seen);
    if (!isAttempt(made)) throw new TypeError(made.message);
    const permit = await guard(made);
    if (isRefusal(permit)) throw new Error(`${asked.method} may not be asked: ${permit.code}`);
    const sentAt = options.clock.monotonic();
    let outcome: RelayOutcome = 'upstream_failed';
    try {
      const signal = AbortSignal.any([turn.signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
      const reply = await turn.upstream.forward(permit, 'POST', ownHeaders(turn.headers, asked.method), signal);
      const brought = await relay.result(reply, asked.id);
      const result = asAgent === undefined ? brought : await asAgent(brought, permit);
      if (!(await report(permit, result, sentAt, bytesOf(permit, 0))))
        throw new Error('what it brought could not be recorded');
      outcome = 'forwarded';
      return result;
    } finally {
      if (outcome !== 'forwarded' || permit.report === undefined) {
        const { decision_id, request_digest } = permit;
        const duration = Math.max(0, Math.round(options.clock.monotonic() - sentAt));
        options.client.settle({ decision_id, request_digest, outcome, duration_ms: duration });
      }
    }
  }

  /** What a client can do is said once, before the session has its name. */
  function introduced(seen: Sighting, { capabilities }: JsonObject, reply: UpstreamReply): void {
    const sessionId = reply.headers.get('mcp-session-id');
    // Clients without sessions cannot be told apart, and what one can do is not what all can.
    if (sessionId !== undefined) sessions.of(seen.server, sessionId).elicitsUrl = elicitsUrl(capabilities);
  }

  function party({ head, response, signal }: Turn, session: Session, id: RpcId): HttpParty {
    const streams = (head.headers.get('accept') ?? '').includes('text/event-stream');
    let waiting: Waiting | undefined;
    return {
      elicitsUrl: session.elicitsUrl,
      tell: (approval) => session.tell(approval),
      waits() {
        waiting = session.waiting(id);
        if (streams) beginEvents(response, 200);
        return AbortSignal.any([signal, waiting.signal]);
      },
      alive(notification) {
        if (!streams || response.destroyed || response.writableEnded) return;
        response.write(notification === undefined ? ': waiting\n\n' : sseEvent(notification));
      },
      get hasCancelled() {
        return waiting?.signal.aborted === true;
      },
      left: () => waiting?.done(),
    };
  }

  /** The client cancelled it while it was allowed: it has not gone to the server, and does not. */
  function unwanted({ decision_id, request_digest }: Permit, request: CanonicalRequest): Refusal {
    options.client.settle({ decision_id, request_digest, outcome: 'refused', duration_ms: 0 });
    return refuser.refuse('REQUEST_INVALID', { message: 'the request was cancelled', decision_id, request });
  }

  /** A message on the endpoint of all servers. */
  async function toAll(turn: Turn, message: RpcMessage, spoken: Spoken): Promise<void> {
    const id = message.kind === 'request' ? message.id : undefined;
    if (spoken.era !== 'modern') return badHead(turn, id, ONLY_MODERN);
    if (message.kind !== 'request') return respond(turn, id, invalid('only requests are served here'), 400);
    const at = (server: string): Turn => {
      const upstream = options.upstreams.get(server);
      if (upstream === undefined) throw new TypeError('no such upstream');
      return { ...turn, head: { ...turn.head, server }, upstream };
    };
    const answer = await combine(message, {
      servers: [...options.upstreams.keys()],
      fetch: async (server, method, cursor) => {
        const own = at(server);
        const seen = sighting(own, spoken);
        const session = sessions.of(server, seen.sessionId);
        const asked = pageRequest(message, cursor, method);
        return fetchOwn(own, asked, seen, async (result, permit) => {
          const { id: requestId } = asked;
          const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: requestId, result }));
          const isList = method === LIST_TOOLS;
          const shown = isList ? await tools.shown(bytes, { requestId, seen, session, permit }) : bytes;
          const read = readMessage(await redactMessage(permit, shown), { maxBytes: OWN_RESULT_BYTES });
          if (!read.ok || read.message.kind !== 'response' || read.message.result === undefined)
            throw new TypeError('what is left is no result');
          return read.message.result;
        });
      },
      missing: (server, thrown) =>
        options.log.warn({ server, [LOG_FIELD.error]: thrown }, 'Server could not be listed'),
    });
    if (answer.kind === 'unknown_method') {
      const elsewhere = 'not served on the endpoint of all servers: use /mcp/<name>';
      return refused(turn, id, refuser.refuse('METHOD_UNKNOWN', { message: elsewhere }), { era: spoken.era });
    }
    if (answer.kind === 'invalid') {
      return respond(turn, id, invalid(answer.message, 400, RPC_CODE.invalidParams), 200);
    }
    if (answer.kind === 'result')
      return send(turn.response, 200, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: answer.result }));
    const own = at(answer.server);
    const headers = { ...own.headers, 'mcp-name': answer.name };
    return clientMessage({ ...own, headers }, answer.message, sighting(own, spoken));
  }

  /** The agent's answer to a request of the server: only if that request was permitted and delivered, and only once. */
  async function clientAnswer(turn: Turn, message: RpcResponse, seen: Sighting): Promise<void> {
    const session = sessions.of(seen.server, seen.sessionId);
    const permit = message.id === undefined ? undefined : session.answer(message.id);
    if (permit === undefined) return refused(turn, undefined, invalid('no open server request has this id'), seen);
    const expected = expectation(session, seen, () => false);
    await carryOut(turn, permit, undefined, expected, {
      request: undefined,
      send: () => turn.upstream.answer(permit, JSON.stringify(message.value), turn.headers, turn.signal),
      relay: (task) => relay.status(task),
      answered: () => undefined,
      brokeOff: () => undefined,
    });
  }

  /** GET and DELETE: decided like messages, under names of their own. */
  async function verb(turn: Turn, name: 'GET' | 'DELETE'): Promise<void> {
    const spoken = readVersionHeader(turn.head.headers.get('mcp-protocol-version'), minimumVersion);
    if (!spoken.ok) return badHead(turn, undefined, spoken);
    const seen = sighting(turn, spoken);
    const lastEventId = turn.head.headers.get('last-event-id');
    const details = lastEventId === undefined ? {} : { last_event_id: lastEventId };
    const session = sessions.of(seen.server, seen.sessionId);
    const opened = name === 'GET' ? session.opening() : () => undefined;
    try {
      const made = attempts.fromVerb(name, seen, details);
      const outcome = await guard({ ...made, trace: traceOf(turn.head.headers) });
      if (isRefusal(outcome)) return respond(turn, undefined, outcome, outcome.httpStatus);
      const expected = expectation(session, seen, (id) => lastEventId !== undefined && session.resumed(id));
      await carryOut(turn, outcome, undefined, expected, {
        request: made.request,
        send: () => turn.upstream.forward(outcome, name, turn.headers, turn.signal).finally(opened),
        relay: (task) => (name === 'GET' ? relay.answer(task) : relay.status(task)),
        answered: () => undefined,
        brokeOff: () => undefined,
      });
    } finally {
      opened();
    }
    if (name === 'DELETE') sessions.drop(seen.server, seen.sessionId);
  }

  /** Sends under a permit, relays what comes back, and settles. */
  async function carryOut(
    turn: Turn,
    permit: Permit,
    id: RpcId | undefined,
    expected: Expectation,
    steps: Steps,
  ): Promise<void> {
    const { clock, observer, client } = options;
    const sentAt = clock.monotonic();
    let outcome: RelayOutcome = 'upstream_failed';
    let isReported = false;
    let bytesIn = 0;
    const { request } = steps;
    const ended = request === undefined ? () => undefined : options.open.add(request, () => cutOff(turn, id, request));
    try {
      const reply = await steps.send();
      outcome = await steps.relay({
        reply,
        response: turn.response,
        requestId: id,
        expected,
        decline: (declined) => decline(turn, declined),
        release: async (brought) => {
          const isReleased = await report(permit, brought, sentAt, bytesOf(permit, bytesIn));
          isReported = isReleased && permit.report !== undefined;
          return isReleased;
        },
        received: (bytes) => {
          bytesIn += bytes;
        },
        shown: steps.shown,
        redact: (message) => redactMessage(permit, message),
        answered: steps.answered,
        brokeOff: steps.brokeOff,
      });
    } catch (thrown) {
      if (!turn.signal.aborted) options.log.warn({ [LOG_FIELD.error]: thrown }, 'Upstream could not be reached');
      send(turn.response, id === undefined ? 502 : 200, upstreamError(id, 'it could not be reached'));
    } finally {
      ended();
      observer.carriedOut('mcp_proxy', outcome);
      // The report of a result is its settlement.
      if (!isReported) {
        client.settle({
          decision_id: permit.decision_id,
          request_digest: permit.request_digest,
          outcome,
          duration_ms: Math.max(0, Math.round(clock.monotonic() - sentAt)),
          usage: bytesOf(permit, bytesIn),
        });
      }
    }
  }

  /** Ends it for the agent, which ends it upstream as well; an answer that has begun cannot be told why. */
  function cutOff(turn: Turn, id: RpcId | undefined, request: CanonicalRequest): void {
    if (turn.response.headersSent) {
      turn.response.destroy();
      return;
    }
    const refusal = refuser.refuse('KILL_SWITCH', { request });
    respond(turn, id, refusal, id === undefined ? refusal.httpStatus : 200);
  }

  function decline(turn: Turn, { id, refusal }: Declined): void {
    const { 'last-event-id': _resume, 'mcp-method': _method, 'mcp-name': _name, ...headers } = turn.headers;
    const both = { ...headers, accept: 'application/json, text/event-stream' };
    // On its own clock: the stream that brought the request may be over before the server has heard.
    turn.upstream.decline(id, refusal, both, AbortSignal.timeout(DECLINE_TIMEOUT_MS)).then(
      (reply) => reply.body.on('error', () => undefined).resume(),
      (thrown: unknown) => options.log.warn({ [LOG_FIELD.error]: thrown }, 'Server could not be told of a refusal'),
    );
  }

  function refused(turn: Turn, id: RpcId | undefined, refusal: Refusal, seen: Pick<Sighting, 'era'>): void {
    respond(turn, id, refusal, id === undefined ? refusal.httpStatus : statusOfRefusedRequest(refusal, seen.era));
  }

  function invalid(message: string, httpStatus = 400, rpcCode: number = RPC_CODE.invalidRequest): Refusal {
    return refuser.refuse('REQUEST_INVALID', { message, httpStatus, rpcCode });
  }

  /** What was redacted in the body would go out in the headers that repeat it. */
  function notMirrored(permit: Permit): Refusal {
    const { decision_id, request_digest } = permit;
    options.client.settle({ decision_id, request_digest, outcome: 'refused', duration_ms: 0 });
    const message =
      'parameters that have to be redacted are repeated in headers (mcp-param-*): send them in the body only';
    return refuser.refuse('OBLIGATION_UNSUPPORTED', { message, decision_id });
  }

  function notAnAttempt(made: NotAnAttempt): Refusal {
    if (made.refused === 'METHOD_UNKNOWN') return refuser.refuse('METHOD_UNKNOWN', { message: made.message });
    return invalid(made.message, 400, made.refused === 'PARAMS' ? RPC_CODE.invalidParams : RPC_CODE.invalidRequest);
  }

  function badHead(turn: Turn, id: RpcId | undefined, bad: BadHead): void {
    const refusal = invalid(bad.message, bad.status, bad.rpcCode);
    const text = bad.data === undefined ? refusalError(id, refusal) : rpcError(id, bad.rpcCode, bad.message, bad.data);
    send(turn.response, bad.status, text);
  }

  function unreadable(turn: Turn, status: number, message: string): void {
    // What was not read is still on its way; the connection cannot carry another request.
    turn.response.setHeader('connection', 'close');
    respond(turn, undefined, invalid(message, status), status);
  }
}

interface Turn {
  readonly head: Head;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly upstream: Upstream;
  readonly headers: Headers;
}

interface HttpParty extends Party {
  /** Whether it said so while its call waited. */
  readonly hasCancelled: boolean;
  /** Its call waits no more. */
  left(): void;
}

interface Steps {
  /** What is carried out; absent for what another attempt stands for. */
  readonly request: CanonicalRequest | undefined;
  readonly shown?: RelayTask['shown'];
  send(): Promise<UpstreamReply>;
  relay(task: RelayTask): Promise<RelayOutcome>;
  readonly answered: () => void;
  readonly brokeOff: () => void;
}

/** What the agent's own request was sent with, about another one. */
function ownHeaders(headers: Headers, method: string): Headers {
  const { 'mcp-name': _name, 'last-event-id': _resume, ...others } = headers;
  const kept = Object.entries(others).filter(([name]) => !name.startsWith('mcp-param-'));
  return {
    ...Object.fromEntries(kept),
    ...(headers['mcp-method'] === undefined ? {} : { 'mcp-method': method }),
    accept: 'application/json, text/event-stream',
  };
}

function mirrorsParameters(headers: Headers): boolean {
  return Object.keys(headers).some((name) => name.startsWith('mcp-param-'));
}

/** What the connection says of the trace that it belongs to. */
function traceOf(headers: ReadonlyMap<string, string>): TraceFields {
  return { traceparent: headers.get('traceparent'), tracestate: headers.get('tracestate') };
}

function sighting(turn: Turn, spoken: Spoken): Sighting {
  return {
    server: turn.head.server,
    direction: 'client_to_server',
    era: spoken.era,
    protocolVersion: spoken.version,
    sessionId: turn.head.headers.get('mcp-session-id'),
  };
}

function expectation(session: Session, seen: Sighting, expects: (id: RpcId) => boolean): Expectation {
  return { seen, session, expects };
}

function respond(turn: Turn, id: RpcId | undefined, refusal: Refusal, status: number): void {
  send(turn.response, status, refusalError(id, refusal));
}

function send(response: ServerResponse, status: number, text: string): void {
  answerJson(response, status, text);
}
