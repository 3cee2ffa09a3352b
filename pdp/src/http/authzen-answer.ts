/** From a decision to AuthZEN's: true or false, and why. */

import { type Decision, type JsonObject, RECORDED_OBLIGATIONS } from '@portcullis/policy/model';
import type { Json } from '@portcullis/runtime';

/** AuthZEN's Decision. */
export interface AuthzenDecision {
  readonly decision: boolean;
  readonly context: JsonObject;
}

/**
 * The answer to one evaluation. AuthZEN leaves it to the caller what to make of obligations, so an allow that is tied to
 * something counts as one only for a caller that has said it can do that: the others would go ahead without.
 * @param supported `context.supported_obligations` of the request.
 */
export function toAuthzen(decision: Decision, supported: Json | undefined): AuthzenDecision {
  const able = new Set(Array.isArray(supported) ? (supported as readonly Json[]) : []);
  const duties = [...decision.conditions, ...decision.obligations].filter(
    ({ type }) => !RECORDED_OBLIGATIONS.includes(type),
  );
  const beyond = decision.allow ? duties.filter(({ type }) => !able.has(type)) : [];
  const reasons: Json[] = [
    ...decision.deny.map((reason) => ({ ...reason })),
    ...beyond.map(({ type }) => ({
      code: 'OBLIGATION_UNSUPPORTED',
      message: `the caller has not said that it supports the obligation ${type}`,
      path: 'context.supported_obligations',
    })),
  ];
  return {
    decision: decision.allow && beyond.length === 0,
    context: {
      evaluation_id: decision.decision_id,
      effect: decision.effect,
      ...(reasons.length === 0 ? {} : { reasons }),
      ...(duties.length === 0
        ? {}
        : {
            obligations: duties.map(({ type, value }, index) => ({
              id: `${decision.decision_id}/${index}`,
              type,
              properties: { value },
            })),
          }),
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
