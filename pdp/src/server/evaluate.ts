/** `Evaluate` and `EvaluateBatch`: one question, or up to 256 that are decided each on its own. */

import type { handleUnaryCall } from '@grpc/grpc-js';
import type { Wire } from '@portcullis/proto';
import { type Clock, type Logger, PortcullisError } from '@portcullis/runtime';
import type { EpochSource } from '../epochs/epochs.js';
import type { Decide } from '../pipeline/decide.js';
import { MAX_BATCH } from './answer-batch.js';
import { deadlineOf, toAnswer, toAttempt, traceOf } from './attempt.js';
import { guardUnary } from './guard.js';
import type { CallerReader } from './peer.js';

/** What both handlers need. */
export interface EvaluateParts {
  readonly decide: Decide;
  readonly epochs: Pick<EpochSource, 'current'>;
  readonly callers: CallerReader;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly log: Logger;
}

/** Decides one question. Every refusal by policy, identity in the body, or form is a decision, not a status. */
export function createEvaluate(
  parts: EvaluateParts,
): handleUnaryCall<Wire.EvaluateRequest__Output, Wire.EvaluateResponse> {
  return guardUnary(parts.log, async (call) => {
    const caller = parts.callers.callerOf(call);
    const deadline = deadlineOf(call, parts.clock, parts.deadlineMs);
    const before = parts.epochs.current();
    return { decision: toAnswer(await parts.decide(toAttempt(call.request, caller, deadline, traceOf(call))), before) };
  });
}

/** Decides a batch, in order. */
export function createEvaluateBatch(
  parts: EvaluateParts,
): handleUnaryCall<Wire.EvaluateBatchRequest__Output, Wire.EvaluateBatchResponse> {
  return guardUnary(parts.log, async (call) => {
    const caller = parts.callers.callerOf(call);
    const deadline = deadlineOf(call, parts.clock, parts.deadlineMs);
    const trace = traceOf(call);
    const questions = call.request.requests ?? [];
    if (questions.length > MAX_BATCH) {
      throw new PortcullisError('ERR_REQUEST_INVALID', 'invalid', `a batch holds at most ${MAX_BATCH} requests`);
    }
    const before = parts.epochs.current();
    const decisions = await Promise.all(
      questions.map((question) => parts.decide(toAttempt(question, caller, deadline, trace))),
    );
    return { responses: decisions.map((decision) => ({ decision: toAnswer(decision, before) })) };
  });
}
