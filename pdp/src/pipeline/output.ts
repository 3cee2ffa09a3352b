/** Whether what a model answers has to be decided as well. */

import { DECIDE_OUTPUT, type Decision, kindOf, overlapsAny } from '@portcullis/policy/model';
import type { Progress } from './decision.js';
import { onlyAsks } from './model-gateway.js';

/** What a completion, which is asked about by itself, has as `request.action`. */
export const COMPLETION = 'completion';
const OUTPUT = 'request.output';

/**
 * The decision with the order to ask about the answer, where the bundle reads `request.output` and a model gateway asks about a
 * call of a model that generates. Other PEPs see no answers of models, and refuse what they cannot carry out. An order is never
 * kept: each call has its own answer.
 */
export function orderOutput(decision: Decision, { question, snapshot }: Progress): Decision {
  if (!decision.allow || question === undefined || snapshot === undefined) return decision;
  const { request } = question;
  const isCall = request.source === 'llm_proxy' && kindOf(request) === 'inference';
  const { action } = request.request ?? {};
  if (!isCall || action === COMPLETION || onlyAsks(request)) return decision;
  if (!overlapsAny(OUTPUT, snapshot.engine.factsNeeded)) return decision;
  return {
    ...decision,
    cache: { ttl_seconds: 0, scope: '' },
    obligations: [...decision.obligations, { type: DECIDE_OUTPUT, value: true }],
  };
}
