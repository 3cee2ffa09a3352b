/** From a decision to AuthZEN's: true or false, and why. */

import { type Decision, type JsonObject, RECORDED_OBLIGATIONS } from '@portcullis/policy/model';
import type { Json } from '@portcullis/runtime';
import type { ObligationWords } from './authzen-obligations.js';

/** AuthZEN's Decision. */
export interface AuthzenDecision {
  readonly decision: boolean;
  readonly context: JsonObject;
}

/**
 * The answer to one evaluation. AuthZEN leaves it to the caller what to make of obligations, so an allow that is tied to
 * something counts as one only for a caller that has said it can do that: the others would go ahead without.
 * @param context of the request: what its caller supports.
 */
export function toAuthzen(decision: Decision, context: JsonObject, words: ObligationWords): AuthzenDecision {
  const duties = [...decision.conditions, ...decision.obligations].filter(
    ({ type }) => !RECORDED_OBLIGATIONS.includes(type),
  );
  const beyond = decision.allow ? words.beyond(duties, context) : [];
  const isAllowed = decision.allow && beyond.length === 0;
  const said = isAllowed || words.isSaidOfDenials ? duties : [];
  const reasons: Json[] = [
    ...decision.deny.map((reason) => ({ ...reason })),
    ...beyond.map(({ type }) => ({
      code: 'OBLIGATION_UNSUPPORTED',
      message: `the caller has not said that it supports the obligation ${type}`,
      path: words.said,
    })),
  ];
  return {
    decision: isAllowed,
    context: {
      evaluation_id: decision.decision_id,
      effect: decision.effect,
      ...(reasons.length === 0 ? {} : { reasons }),
      ...(said.length === 0
        ? {}
        : { obligations: said.map((duty, index) => words.say(duty, `${decision.decision_id}/${index}`)) }),
      policy_version: decision.meta.policy_version,
      release_seq: decision.meta.release_seq,
      request_digest: decision.request_digest,
    },
  };
}

/** The answer to an evaluation that is none; it is denied without having been decided. */
export function notAnEvaluation(message: string, path: string): AuthzenDecision {
  return {
    decision: false,
    context: { error: { status: 400, message: path === '' ? message : `${path}: ${message}` } },
  };
}
