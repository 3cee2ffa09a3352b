/** Requests on the sidecar's own account: decided, recorded and settled like the agent's, and answered to nobody. */

import type { JsonObject } from '@portcullis/policy/model';
import type { OpenAccount } from '../../enforce/account.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import type { RelayOutcome } from '../exchange-outcome.js';
import { discard } from '../http/body.js';
import type { Headers, UpstreamReply } from '../http/upstream.js';
import { OwnRequestRefused, PAGE_TIMEOUT_MS } from './definitions/fetch-page.js';
import type { RpcNotification, RpcRequest } from './message.js';
import type { Relay } from './relay.js';
import { type AttemptMaker, isAttempt, type Sighting } from './to-attempt.js';
import { isParameterMirror, type Turn } from './turn.js';

/**
 * Asks the server of a turn. Rejects when that may not be, or brings nothing.
 * @param asAgent makes of the result what the agent may have
 */
export type OwnRequest = (
  turn: Turn,
  asked: RpcRequest,
  seen: Sighting,
  asAgent?: (result: JsonObject, permit: Permit, reply: UpstreamReply) => Promise<JsonObject>,
) => Promise<JsonObject>;

/** Tells the server of a turn. Rejects when that may not be, or it does not take it. */
export type OwnNotification = (turn: Turn, told: RpcNotification, seen: Sighting) => Promise<void>;

/** What it needs. */
export interface OwnRequestOptions {
  readonly guard: Guard;
  readonly attempts: Pick<AttemptMaker, 'fromMessage'>;
  readonly relay: Pick<Relay, 'result'>;
  readonly openAccount: OpenAccount;
}

/** Makes it. */
export function createOwnRequest({ guard, attempts, relay, openAccount }: OwnRequestOptions): OwnRequest {
  return async (turn, asked, seen, asAgent) => {
    const made = attempts.fromMessage(asked, seen);
    if (!isAttempt(made)) throw new TypeError(made.message);
    const permit = await guard(made);
    if (isRefusal(permit)) throw new OwnRequestRefused(asked.method, permit);
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    try {
      const signal = AbortSignal.any([turn.signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
      const reply = await turn.upstream.forward(permit, 'POST', ownHeaders(turn.headers, asked.method), signal);
      const brought = await relay.result(reply, asked.id, account.received);
      const result = asAgent === undefined ? brought : await asAgent(brought, permit, reply);
      if (!(await account.release(result))) throw new Error('what it brought could not be recorded');
      outcome = 'forwarded';
      return result;
    } finally {
      account.settle(outcome);
    }
  };
}

/** Makes it. */
export function createOwnNotification({
  guard,
  attempts,
  openAccount,
}: Omit<OwnRequestOptions, 'relay'>): OwnNotification {
  return async (turn, told, seen) => {
    const made = attempts.fromMessage(told, seen);
    if (!isAttempt(made)) throw new TypeError(made.message);
    const permit = await guard(made);
    if (isRefusal(permit)) throw new Error(`${told.method} may not be said: ${permit.code}`);
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    try {
      const signal = AbortSignal.any([turn.signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
      const reply = await turn.upstream.forward(permit, 'POST', ownHeaders(turn.headers, told.method), signal);
      discard(reply.body);
      if (reply.status >= 300) throw new Error(`the server answered with HTTP ${reply.status}`);
      outcome = 'forwarded';
    } finally {
      account.settle(outcome);
    }
  };
}

/** What the agent's own request was sent with, about another one. */
function ownHeaders(headers: Headers, method: string): Headers {
  const { 'mcp-name': _name, 'last-event-id': _resume, ...others } = headers;
  const kept = Object.entries(others).filter(([name]) => !isParameterMirror(name));
  return {
    ...Object.fromEntries(kept),
    ...(headers['mcp-method'] === undefined ? {} : { 'mcp-method': method }),
    accept: 'application/json, text/event-stream',
  };
}
