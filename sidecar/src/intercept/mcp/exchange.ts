/** One HTTP exchange with an agent: read, decide, forward, relay, settle. Each stage has a file; nothing is skipped. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Logger } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import { type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import { createAccounts } from '../../enforce/account.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Refuser } from '../../enforce/refuse.js';
import { createStoppedSince } from '../../enforce/stopped-since.js';
import type { ExchangeObserver } from '../exchange-outcome.js';
import { collect } from '../http/body.js';
import { answerJson } from '../http/late-answer.js';
import { NOWHERE, type Upstream } from '../http/upstream.js';
import { createCarryOut } from './carry-out.js';
import { createClientMessage } from './client-message.js';
import type { CombinedObserver } from './combined/answer.js';
import { createServeCombined } from './combined/serve.js';
import type { ToolDefinitions } from './definitions/tool-definitions.js';
import { ALL_SERVERS, type Head } from './head.js';
import { type ProtocolVersion, readMirrors, readVersionHeader } from './headers.js';
import type { Holds } from './held/holds.js';
import { type RpcId, type RpcMessage, type RpcResponse, readMessage } from './message.js';
import { createOwnNotification, createOwnRequest } from './own-requests.js';
import type { Relay } from './relay.js';
import { createReplies } from './replies.js';
import type { Sessions } from './sessions.js';
import type { AttemptMaker, Sighting } from './to-attempt.js';
import { refusalError } from './to-response.js';
import { answering, forwardable, sightingOf, type Turn, traceOf } from './turn.js';

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
  readonly behalf: BehalfReader;
  /** Told what is under way, so that it can be cut off. */
  readonly open: OpenAttempts;
  readonly relay: Relay;
  readonly tools: ToolDefinitions;
  readonly observer: ExchangeObserver & CombinedObserver;
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
  const { guard, refuser, attempts, sessions, relay, limits, minimumVersion } = options;
  const openAccount = createAccounts(options.client, options.clock);
  const stoppedSince = createStoppedSince(options.open, refuser);
  const replies = createReplies(refuser);
  const carryOut = createCarryOut({ ...options, replies, openAccount });
  const ownRequest = createOwnRequest({ ...options, openAccount });
  const clientMessage = createClientMessage({ ...options, replies, ownRequest, carryOut });
  const ownNotification = createOwnNotification({ ...options, openAccount });
  const combined = createServeCombined({
    ...options,
    ...{ replies, openAccount, ownRequest, ownNotification, clientMessage, carryOut, stoppedSince },
  });

  return async (head, request, response, signal) => {
    const startedAt = options.clock.monotonic();
    try {
      // Nothing is sent before a server was chosen by name.
      const upstream = head.server === ALL_SERVERS ? NOWHERE : options.upstreams.get(head.server);
      if (upstream === undefined) throw new TypeError('the head names no upstream');
      const said = options.behalf.ofHeaders(request.rawHeaders);
      const behalf = isBehalf(said) ? said : {};
      const turn: Turn = { head, response, signal, upstream, headers: forwardable(head.headers), behalf };
      if (!isBehalf(said)) return replies.unreadable(turn, 400, said.problem);
      await (head.verb === 'POST' ? post(turn, request) : verb(turn, head.verb));
    } catch (thrown) {
      const refusal = refuser.fault(thrown);
      answerJson(response, refusal.httpStatus, refusalError(undefined, refusal));
    } finally {
      if (head.verb === 'POST') options.observer.took((options.clock.monotonic() - startedAt) / 1000);
    }
  };

  async function post(turn: Turn, request: IncomingMessage): Promise<void> {
    const announced = Number(turn.head.headers.get('content-length') ?? 0);
    if (announced > limits.maxBodyBytes) return replies.unreadable(turn, 413, 'the body is larger than allowed');
    const collected = await collect(request, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs });
    if (collected.kind === 'broken') return;
    if (collected.kind === 'too_large') return replies.unreadable(turn, 413, 'the body is larger than allowed');
    if (collected.kind === 'late') return replies.unreadable(turn, 408, 'the body took too long');
    if (request.rawTrailers.length > 0) return replies.unreadable(turn, 400, 'trailers are not accepted');

    const read = readMessage(collected.bytes, { maxBytes: limits.maxBodyBytes });
    if (!read.ok)
      return replies.respond(turn, read.id, replies.invalid(read.message, 400, read.rpcCode, turn.head), 400);
    const said = readBehalf(turn, read.message);
    if ('problem' in said) return replies.respond(turn, idOf(read.message), replies.invalid(said.problem), 400);
    return spokenTo({ ...turn, behalf: said.behalf }, said.message);
  }

  /** A message without what it says of its user and task, which go no further. */
  function readBehalf(turn: Turn, message: RpcMessage) {
    if (message.kind === 'response') return { behalf: turn.behalf, message: options.behalf.ofAnswer(message) };
    const said = options.behalf.ofMessage(message, turn.behalf);
    return isBehalf(said) ? (options.behalf.lacks(said.behalf) ?? said) : said;
  }

  async function spokenTo(turn: Turn, message: RpcMessage): Promise<void> {
    const id = idOf(message);
    const spoken = readMirrors(turn.head.headers, message, minimumVersion);
    if (!spoken.ok) return replies.badHead(turn, id, spoken);
    if (turn.head.server === ALL_SERVERS) return combined.message(turn, message, spoken);
    const seen = sightingOf(turn, spoken);
    if (message.kind === 'response') return clientAnswer(turn, message, seen);
    return clientMessage(turn, message, seen);
  }

  /** The agent's answer to a request of the server: only if that request was permitted and delivered, and only once. */
  async function clientAnswer(turn: Turn, message: RpcResponse, seen: Sighting): Promise<void> {
    const session = sessions.of(seen.server, seen.sessionId);
    const offer = message.id === undefined ? undefined : session.answer(message.id);
    if (offer === undefined) {
      return replies.refused(turn, undefined, replies.invalid('no open server request has this id'), seen);
    }
    const { permit, request, kills } = offer;
    const stopped = await stoppedSince(kills, [request]);
    if (stopped !== undefined) return replies.refused(turn, undefined, stopped, seen);
    await carryOut(
      turn,
      permit,
      undefined,
      { seen, session, expects: () => false },
      {
        request,
        send: (signal) => turn.upstream.answer(permit, JSON.stringify(message.value), answering(turn.headers), signal),
        relay: (task) => relay.status(task),
      },
    );
  }

  /** GET and DELETE: decided like messages, under names of their own. */
  async function verb(turn: Turn, name: 'GET' | 'DELETE'): Promise<void> {
    const spoken = readVersionHeader(turn.head.headers.get('mcp-protocol-version'), minimumVersion);
    if (!spoken.ok) return replies.badHead(turn, undefined, spoken);
    const lacking = options.behalf.lacks(turn.behalf);
    if (lacking !== undefined) return replies.respond(turn, undefined, replies.invalid(lacking.problem), 400);
    if (turn.head.server === ALL_SERVERS) return combined.verb(turn, name, spoken);
    const seen = sightingOf(turn, spoken);
    const lastEventId = turn.head.headers.get('last-event-id');
    const details = lastEventId === undefined ? {} : { last_event_id: lastEventId };
    const session = sessions.of(seen.server, seen.sessionId);
    const opened = name === 'GET' ? session.opening() : () => undefined;
    try {
      const made = attempts.fromVerb(name, seen, details);
      const permit = await guard({ ...made, trace: traceOf(turn) });
      if (isRefusal(permit)) return replies.respond(turn, undefined, permit, permit.httpStatus);
      const expects = (id: RpcId): boolean => lastEventId !== undefined && session.resumed(id);
      await carryOut(
        turn,
        permit,
        undefined,
        { seen, session, expects },
        {
          request: made.request,
          send: (signal) => turn.upstream.forward(permit, name, turn.headers, signal).finally(opened),
          relay: (task) => (name === 'GET' ? relay.answer(task) : relay.status(task)),
        },
      );
    } finally {
      opened();
    }
    if (name === 'DELETE') sessions.drop(seen.server, seen.sessionId);
  }
}

function idOf(message: RpcMessage): RpcId | undefined {
  return message.kind === 'request' ? message.id : undefined;
}
