/** Deciding the calls that a model proposes, before the agent has them. */

import type { PolicyClient } from '../../ask/port.js';
import { giveBack } from '../../enforce/account.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { type CarriedOut, isAskable, type LlmAttempts, type Underway } from './attempts.js';
import type { ProposedCall } from './endpoint.js';

/** What became of a proposed call, as a label. */
export const CALL_OUTCOMES = ['allowed', 'denied', 'held', 'invalid', 'failed_closed'] as const;
/** See {@link CALL_OUTCOMES}. */
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** An answer that the agent does not get, because of a call in it. */
export class AnswerRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super('a tool call of the answer was refused');
    this.refusal = refusal;
  }
}

const BY_MCP: CarriedOut = 'mcp';

/** What it needs. */
export interface CallsOptions {
  /** Of one that can carry out what {@link isAsOrdered} looks after, and nothing else that concerns tokens. */
  readonly guard: Guard;
  /** Whether arguments may go as they are under this permit. */
  readonly isAsOrdered: (permit: Permit, text: string) => Promise<boolean>;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly attempts: LlmAttempts;
  /** `refuse`: a refused call takes the whole answer with it. */
  readonly refused: 'replace' | 'refuse';
  /** Told of each call. */
  readonly decided: (outcome: CallOutcome) => void;
}

/**
 * Decides one call: nothing when the agent may have it, otherwise the text that stands in for it.
 * @throws AnswerRefused where that takes the whole answer with it
 */
export type DecideCall = (inference: Underway, call: ProposedCall) => Promise<string | undefined>;

/** Makes it. */
export function createDecideCall(options: CallsOptions): DecideCall {
  const { guard, refuser, client, attempts } = options;

  const decide = async (inference: Underway, call: ProposedCall): Promise<Permit | Refusal> => {
    const made = attempts.proposed(inference, call);
    if (!isAskable(made)) return refuser.refuse('REQUEST_INVALID', { message: made.refused });
    const outcome = await guard(made);
    // Behind the MCP proxy it is decided again, and there what is ordered is carried out.
    if (isRefusal(outcome) || made.request.tool?.attributes?.['carried_out'] === BY_MCP) return outcome;
    const { arguments: args } = call;
    const text = typeof args === 'string' ? args : JSON.stringify(args);
    const isDone = await options.isAsOrdered(outcome, text).catch((thrown: unknown) => {
      giveBack(client, outcome);
      throw thrown;
    });
    if (isDone) return outcome;
    giveBack(client, outcome);
    return refuser.refuse('OBLIGATION_UNSUPPORTED', {
      message: 'the decision wants something taken out of its arguments, and whoever carries it out would not',
      decision_id: outcome.decision_id,
      request: made.request,
    });
  };
  return async (inference, call) => {
    const outcome = await decide(inference, call);
    if (!isRefusal(outcome)) {
      options.decided('allowed');
      client.settle({
        decision_id: outcome.decision_id,
        request_digest: outcome.request_digest,
        outcome: 'forwarded',
        duration_ms: 0,
      });
      return undefined;
    }
    options.decided(outcome.outcome);
    if (options.refused === 'refuse') throw new AnswerRefused(outcome);
    return noticeOf(call, outcome);
  };
}

/** What stands in an answer for a call that was refused. */
export function noticeOf({ name }: ProposedCall, refusal: Refusal): string {
  const { message, code, reason_code, decision_id, hold } = refusal;
  const about = [
    code,
    ...(reason_code === undefined ? [] : [reason_code]),
    ...(decision_id === undefined ? [] : [`decision ${decision_id}`]),
  ].join(', ');
  const shown = JSON.stringify(name.slice(0, 128)).replace(/[^\x20-\x7e]/gu, '?');
  const waiting =
    hold === undefined
      ? ''
      : ` People are asked: approval ${hold.approval_id}${hold.poll === undefined ? '' : `, its state is at ${hold.poll}`}.`;
  return `[Portcullis] The call of the tool ${shown} was not allowed: ${message} (${about}).${waiting}`;
}
