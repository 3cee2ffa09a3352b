/** A request or notification of the agent to one server, from its attempt to its end. Nothing is skipped. */

import type { CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import type { PolicyClient } from '../../ask/port.js';
import { giveBack } from '../../enforce/account.js';
import { type Attempt, type Guard, isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { answerJson } from '../http/late-answer.js';
import type { UpstreamReply } from '../http/upstream.js';
import type { CarryOut } from './carry-out.js';
import { pageRequest } from './definitions/fetch-page.js';
import type { ToolDefinitions } from './definitions/tool-definitions.js';
import { elicitsUrl } from './held/call.js';
import { type Holds, isInstead } from './held/holds.js';
import { httpParty } from './held/http-party.js';
import { isRpcId, type RpcMessage, type RpcRequest, type RpcResponse } from './message.js';
import type { OwnRequest } from './own-requests.js';
import type { Relay } from './relay.js';
import type { Replies } from './replies.js';
import type { Session, Sessions } from './sessions.js';
import { type AttemptMaker, CALL_TOOL, isAttempt, LIST_TOOLS, type Sighting, withDefinition } from './to-attempt.js';
import { isParameterMirror, type Turn, traceOf } from './turn.js';

/** Deals with one. Rejects for defects only. */
export type ClientMessage = (turn: Turn, sent: Exclude<RpcMessage, RpcResponse>, seen: Sighting) => Promise<void>;

/** What it needs. */
export interface ClientMessageOptions {
  readonly guard: Guard;
  /** Decides what may be held for people. */
  readonly holds: Holds;
  readonly refuser: Refuser;
  readonly replies: Replies;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly attempts: AttemptMaker;
  readonly sessions: Sessions;
  readonly relay: Relay;
  readonly tools: ToolDefinitions;
  readonly ownRequest: OwnRequest;
  readonly carryOut: CarryOut;
}

/** Names a request that may still be on its way to the server; each message is decided by itself, and takes its time. */
const CANCELLED = 'notifications/cancelled';

/** Makes it. */
export function createClientMessage(options: ClientMessageOptions): ClientMessage {
  const { guard, holds, refuser, replies, client, attempts, sessions, relay, tools, ownRequest, carryOut } = options;

  return async (turn, sent, seen) => {
    const id = sent.kind === 'request' ? sent.id : undefined;
    const admitted = sent.kind === 'request' ? holds.admit(sent, seen) : undefined;
    if (admitted !== undefined && 'kind' in admitted) return replies.refused(turn, id, admitted, seen);
    const message = admitted?.message ?? sent;
    const cancelled = message.method === CANCELLED ? message.params['requestId'] : undefined;
    const made = attempts.fromMessage(message, seen);
    if (!isAttempt(made)) {
      const refusal = replies.notAnAttempt(made);
      return made.refused === 'SHAPE'
        ? replies.respond(turn, id, refusal, 400)
        : replies.refused(turn, id, refusal, seen);
    }
    const session = sessions.of(seen.server, seen.sessionId);
    if (id !== undefined && !session.begin(id)) {
      return replies.refused(turn, id, replies.invalid('the id is in use, or too many requests are open'), seen);
    }
    let answered = false;
    let brokeOff = false;
    try {
      const described = message.kind === 'request' ? await defined(turn, message, made, session, seen) : made;
      if (isRefusal(described)) return replies.refused(turn, id, described, seen);
      const attempt = { ...described, trace: traceOf(turn) };
      // What waits for people has not gone anywhere, and goes nowhere any more.
      if (isRpcId(cancelled)) session.cancel(cancelled);
      const changed = async (): Promise<Refusal | undefined> => {
        if (message.kind !== 'request') return undefined;
        const again = await defined(turn, message, made, session, seen, described.request.tool?.definition_digest);
        return isRefusal(again) ? again : undefined;
      };
      const party = admitted === undefined ? undefined : httpParty(turn, session, admitted.message.id);
      const outcome =
        admitted === undefined || party === undefined
          ? await guard(attempt)
          : await holds.decide(attempt, admitted, seen, { ...party, changed }).finally(party.left);
      if (isInstead(outcome)) return answerJson(turn.response, 200, outcome.instead);
      if (isRefusal(outcome)) return replies.refused(turn, id, outcome, seen);
      if (party?.hasCancelled() === true) return replies.refused(turn, id, unwanted(outcome, attempt.request), seen);
      if (outcome.payload !== attempt.payload && Object.keys(turn.headers).some(isParameterMirror)) {
        return replies.refused(turn, id, notMirrored(outcome), seen);
      }
      const expects = (given: unknown): boolean => given === id && !answered;
      const expected = { seen, session, expects, concerns: turn.concerns, redacts: outcome.redaction?.ofAnswers };
      await carryOut(turn, outcome, id, expected, {
        request: attempt.request,
        ...(id !== undefined && message.method === LIST_TOOLS
          ? { shown: (bytes: Buffer) => tools.shown(bytes, { requestId: id, seen, session, permit: outcome }) }
          : {}),
        async send(signal) {
          // Under way from here on: who is stopped while it waits for others is not sent.
          await session.opened();
          if (isRpcId(cancelled)) await session.gone(cancelled);
          const reply = await turn.upstream.forward(outcome, 'POST', turn.headers, signal, () => {
            if (id !== undefined) session.left(id);
          });
          if (message.method === 'initialize') introduced(seen, message.params, reply);
          return reply;
        },
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
  };

  /**
   * A call with the digest of its tool's definition, or why it is refused without asking.
   * @param since the digest that it has been asked with
   */
  async function defined(
    turn: Turn,
    message: RpcRequest,
    made: Attempt,
    session: Session,
    seen: Sighting,
    since?: string,
  ): Promise<Attempt | Refusal> {
    const { name, arguments: args = {} } = made.request.tool ?? {};
    if (message.method !== CALL_TOOL || name === undefined) return made;
    const fetch = async (cursor: string | undefined) => ({
      result: await ownRequest(turn, pageRequest(message, cursor), seen),
    });
    const known = await tools.ofCall(name, { args, seen, session, fetch, since, headers: turn.headers });
    if ('kind' in known) return known;
    return known.digest === undefined ? made : withDefinition(made, known.digest);
  }

  /** What a client can do is said once, before the session has its name. */
  function introduced(seen: Sighting, { capabilities }: JsonObject, reply: UpstreamReply): void {
    const sessionId = reply.headers.get('mcp-session-id');
    // Clients without sessions cannot be told apart, and what one can do is not what all can.
    if (sessionId !== undefined) sessions.of(seen.server, sessionId).elicitsUrl = elicitsUrl(capabilities);
  }

  /** The client cancelled it while it was allowed: it has not gone to the server, and does not. */
  function unwanted(permit: Permit, request: CanonicalRequest): Refusal {
    giveBack(client, permit);
    const { decision_id } = permit;
    return refuser.refuse('REQUEST_INVALID', { message: 'the request was cancelled', decision_id, request });
  }

  /** What was redacted in the body would go out in the headers that repeat it. */
  function notMirrored(permit: Permit): Refusal {
    giveBack(client, permit);
    const message =
      'parameters that have to be redacted are repeated in headers (mcp-param-*): send them in the body only';
    return refuser.refuse('OBLIGATION_UNSUPPORTED', { message, decision_id: permit.decision_id });
  }
}
