/** One HTTP request through the proxy: read, decide, connect, send, relay, settle. Reads top to bottom. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import { type Behalf, type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { destroyLater } from '../http/backpressure.js';
import { type Admission, isPassage, type Wish } from './admission.js';
import { turnAway, Unanswered, type Unreachable } from './answer.js';
import type { EgressConfig } from './config.js';
import { type Destination, readAuthority, refusedAt, serverOf } from './destination.js';
import type { Ending, Evidence } from './evidence.js';
import { type Head, type HeadRules, hostAgrees, readHead } from './head.js';
import type { Ledger, Ledgers } from './ledger.js';
import type { Origin, OriginReply, OriginRequest } from './origin.js';
import { pump, pumpBoth } from './pump.js';
import { readRequestTarget } from './request-target.js';

/** What an exchange needs. */
export interface ExchangeOptions {
  readonly admission: Admission;
  readonly refuser: Refuser;
  readonly ledgers: Ledgers;
  readonly origin: Origin;
  readonly evidence: Evidence;
  readonly behalf: BehalfReader;
  readonly rules: HeadRules;
  readonly unauthorised: (proxyAuthorization: string | undefined) => Refusal | undefined;
  readonly config: Pick<EgressConfig, 'paths' | 'limits'>;
}

/** The destination of an intercepted connection, and on whose behalf it was opened. */
export interface Tunnel {
  readonly destination: Destination;
  readonly behalf: Behalf;
}

/** Serves requests. Never rejects. `tunnel` is the intercepted connection that the request came on. */
export interface Exchange {
  serve(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
    tunnel: Tunnel | undefined,
  ): Promise<void>;
  /** The same for a request to open a WebSocket; `socket` carries it afterwards. */
  upgrade(
    request: IncomingMessage,
    response: ServerResponse,
    socket: Duplex,
    signal: AbortSignal,
    tunnel: Tunnel | undefined,
  ): Promise<void>;
}

/** A request that can be decided about. */
interface Readable {
  readonly head: Head;
  readonly wish: Wish;
  readonly sent: string;
}

const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is;
const DEFAULT_PORT = { http: 80, https: 443, ws: 80, wss: 443, tcp: undefined } as const;

/** Makes it. */
export function createExchange(options: ExchangeOptions): Exchange {
  const { admission, refuser, ledgers, origin, evidence, config } = options;
  const { limits } = config;

  return {
    serve: (request, response, signal, tunnel) => run(request, response, undefined, signal, tunnel),
    upgrade: (request, response, socket, signal, tunnel) => run(request, response, socket, signal, tunnel),
  };

  async function run(
    request: IncomingMessage,
    response: ServerResponse,
    socket: Duplex | undefined,
    signal: AbortSignal,
    tunnel: Tunnel | undefined,
  ): Promise<void> {
    // What was said in the head is passed on as it was; nothing of ours is added.
    response.sendDate = false;
    try {
      const read = readRequest(request, socket !== undefined, tunnel);
      if ('kind' in read) return await refuse(request, response, undefined, read);
      const { wish } = read;
      const passage = await admission.ask(wish);
      if (!isPassage(passage)) return await refuse(request, response, wish.destination, passage);
      const ledger = ledgers(passage, wish);
      const left = (): void => ledger.stop('client_left');
      signal.addEventListener('abort', left);
      if (signal.aborted) left();
      let ending: Ending = 'upstream_failed';
      try {
        const carrying = { request, response, socket, read, ledger };
        ending = await carry(carrying, (outgoing) => origin(passage, outgoing, ledger));
      } catch (thrown) {
        const outcome = ledger.refusal ?? failed(thrown, ledger, passage.permit.decision_id);
        await refuse(request, response, wish.destination, outcome);
      } finally {
        signal.removeEventListener('abort', left);
        ledger.close(ending);
      }
    } catch (thrown) {
      await refuse(request, response, undefined, refuser.fault(thrown));
    }
  }

  /** Sends the request and relays the answer. @throws when there is no answer */
  async function carry(
    { request, response, socket, read, ledger }: Carrying,
    send: (outgoing: OriginRequest) => Promise<OriginReply>,
  ): Promise<Ending> {
    const { head, sent } = read;
    let sending: Promise<unknown> | undefined;
    const reply = await send({
      method: head.method,
      path: sent,
      head,
      isUpgrade: socket !== undefined,
      body: (outgoing) => {
        if (head.fields.has('expect')) response.writeContinue();
        if (head.length === 0) outgoing.end();
        // What becomes of the request is told by its answer, or by there being none.
        else sending = pump(request, outgoing, ledger.sending).catch(() => undefined);
      },
    });
    try {
      if (reply.upgraded !== undefined && socket !== undefined) {
        response.detachSocket(socket as Socket);
        socket.write(reply.head);
        return await pumpBoth(socket, reply.upgraded, ledger);
      }
      response.writeHead(reply.status, reply.reason, [...reply.rawHeaders]);
      const done = await pump(reply.body, response, ledger.receiving);
      if (!done) response.destroy();
      return done ? 'completed' : 'client_left';
    } catch {
      // It has begun, so it can only be broken off.
      response.destroy();
      socket?.destroy();
      return 'upstream_failed';
    } finally {
      reply.close();
      // Answered before it was over: nobody is there for the rest, and the connection cannot carry another request before it.
      if (!request.complete && socket === undefined) {
        void sending?.then(() => request.resume());
        const end = destroyLater(request.socket);
        finished(request, () => clearTimeout(end));
      }
    }
  }

  function readRequest(request: IncomingMessage, isUpgrade: boolean, tunnel: Tunnel | undefined): Readable | Refusal {
    const head = readHead(request, options.rules);
    if (!head.ok) return invalid(head.message, head.status);
    const place =
      tunnel === undefined ? readAbsolute(request.url ?? '') : readOrigin(request.url ?? '', tunnel.destination);
    if (typeof place === 'string') return invalid(place);
    const { destination, rest } = place;
    if (!hostAgrees(head, destination, DEFAULT_PORT[destination.scheme])) {
      return invalid('the Host header names another host than the request line', 400, destination);
    }
    const unauthorised =
      tunnel === undefined ? options.unauthorised(head.fields.get('proxy-authorization')) : undefined;
    if (unauthorised !== undefined) return unauthorised;
    // RFC 9112 section 3.2.4: a URL without a path asks about the server itself.
    const target = readRequestTarget(head.method === 'OPTIONS' && rest === '' ? '*' : rest, config.paths);
    if (!target.ok) return invalid(target.message, 400, destination);
    if (isUpgrade && head.length !== 0) return invalid('a request for an upgrade has no body', 400, destination);
    if (head.length !== 'chunked' && head.length > limits.maxUploadBytes) {
      return invalid('the body is larger than allowed', 413, destination);
    }
    const open = Math.min(limits.bytesPerDecision, limits.maxUploadBytes);
    const bytes = head.length === 'chunked' || isUpgrade ? open : head.length;
    const scheme = isUpgrade ? (destination.scheme === 'https' ? 'wss' : 'ws') : destination.scheme;
    const behalf = options.behalf.ofHeaders(head.rawHeaders, tunnel?.behalf);
    const doubt = isBehalf(behalf) ? options.behalf.lacks(behalf) : behalf;
    if (!isBehalf(behalf) || doubt !== undefined) return invalid(doubt?.problem ?? '');
    const { path, query, sent } = target;
    const wish = { destination: { ...destination, scheme }, behalf, method: head.method, path, query, bytes };
    return { head: { ...head, rawHeaders: options.behalf.passedOn(head.rawHeaders) }, sent, wish };
  }

  async function refuse(
    request: IncomingMessage,
    response: ServerResponse,
    destination: Destination | undefined,
    outcome: Refusal | Unreachable,
  ): Promise<void> {
    evidence.blocked(destination, request.method ?? '', outcome);
    if (response.headersSent) response.destroy();
    else await turnAway(request, response, outcome);
  }

  function invalid(message: string, httpStatus = 400, destination?: Destination): Refusal {
    const target = destination === undefined ? undefined : refusedAt(destination);
    return refuser.refuse('REQUEST_INVALID', { message, httpStatus, target });
  }
}

interface Carrying {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Duplex | undefined;
  readonly read: Readable;
  readonly ledger: Ledger;
}

interface Place {
  readonly destination: Destination;
  /** What follows the authority. */
  readonly rest: string;
}

function readAbsolute(url: string): Place | string {
  const [, scheme = '', authority = '', rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (scheme === '') return 'this is a forward proxy: the request line must name an absolute URL';
  const lower = scheme.toLowerCase();
  if (lower === 'https' || lower === 'wss') return 'use CONNECT for encrypted connections';
  if (lower !== 'http' && lower !== 'ws') return 'only http URLs are supported';
  const read = readAuthority(authority, DEFAULT_PORT.http);
  return read === undefined
    ? 'the URL must name a host that is beyond doubt, without credentials'
    : { destination: { scheme: 'http', ...read }, rest };
}

function readOrigin(url: string, tunnel: Destination): Place | string {
  return url.startsWith('/') || url === '*'
    ? { destination: tunnel, rest: url }
    : `inside of the tunnel to ${serverOf(tunnel)} the request line must name a path`;
}

function failed(thrown: unknown, ledger: Ledger, decision_id: string): Unreachable {
  const { why } = thrown instanceof Unanswered ? thrown : TIMES_UP.has(ledger.ending) ? LATE : NO_ANSWER;
  return { kind: 'unreachable', ...why, decision_id };
}

const TIMES_UP: ReadonlySet<Ending | undefined> = new Set<Ending>(['idle', 'lifetime']);
const LATE = { why: { status: 504, code: 'UPSTREAM_FAILED', message: 'the exchange took too long' } } as const;
const NO_ANSWER = {
  why: {
    status: 502,
    code: 'UPSTREAM_FAILED',
    message: 'the host could not be reached, or did not answer with HTTP',
  },
} as const;
