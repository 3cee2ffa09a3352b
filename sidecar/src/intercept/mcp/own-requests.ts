/** Requests on the sidecar's own account: decided, recorded and settled like the agent's, and answered to nobody. */

import type { JsonObject } from '@portcullis/policy/model';
import type { OpenAccount } from '../../enforce/account.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import type { RelayOutcome } from '../exchange-outcome.js';
import type { Headers } from '../http/upstream.js';
import { PAGE_TIMEOUT_MS } from './definitions/fetch-page.js';
import type { RpcRequest } from './message.js';
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
  asAgent?: (result: JsonObject, permit: Permit) => Promise<JsonObject>,
) => Promise<JsonObject>;

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
    if (isRefusal(permit)) throw new Error(`${asked.method} may not be asked: ${permit.code}`);
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    try {
      const signal = AbortSignal.any([turn.signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
      const reply = await turn.upstream.forward(permit, 'POST', ownHeaders(turn.headers, asked.method), signal);
      const brought = await relay.result(reply, asked.id, account.received);
      const result = asAgent === undefined ? brought : await asAgent(brought, permit);
      if (!(await account.release(result))) throw new Error('what it brought could not be recorded');
      outcome = 'forwarded';
      return result;
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
