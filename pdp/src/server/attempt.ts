/** Wire in, wire out: the border between gRPC messages and the pipeline. */

import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Decision } from '@portcullis/policy/model';
import { type Epochs, fromWireRequest, toWireDecision, type Wire } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { TraceFields } from '@portcullis/runtime/tracing';
import type { Attempt } from '../pipeline/chain.js';
import type { Caller } from './peer.js';

/** The attempt that a question describes. `deadline` is in {@link Clock.monotonic} milliseconds. */
export function toAttempt(
  question: Wire.EvaluateRequest__Output,
  caller: Caller,
  deadline: number,
  trace?: TraceFields,
): Attempt {
  const { request, request_digest: digest, user_token: userToken, only_kills: onlyKills } = question;
  return {
    caller: caller.identity,
    subject:
      request === undefined
        ? {
            ok: false,
            problems: [{ code: 'ERR_WIRE_MISSING', message: 'the question has no request', path: 'request' }],
          }
        : fromWireRequest(request),
    // An absent digest and an empty one are the same on the wire.
    claimedDigest: digest === undefined || digest.byteLength === 0 ? undefined : digest,
    ...(userToken === undefined || userToken === '' ? {} : { userToken }),
    ...(onlyKills === true ? { onlyKills } : {}),
    ...(trace === undefined ? {} : { trace }),
    deadline,
  };
}

/**
 * The decision as it travels, with the epochs it was computed under.
 * @param before the epochs before the decision was begun: what moved meanwhile may or may not have been seen
 */
export function toAnswer(decision: Decision, before: Epochs): Wire.Decision {
  return toWireDecision(decision, { ...before, release_seq: decision.meta.release_seq });
}

/** What the metadata of a call say of the trace that it belongs to; nothing where they say none, or two. */
export function traceOf({ metadata }: Pick<ServerUnaryCall<unknown, unknown>, 'metadata'>): TraceFields | undefined {
  const [traceparent, another] = metadata.get('traceparent');
  if (typeof traceparent !== 'string' || another !== undefined) return undefined;
  return { traceparent, tracestate: metadata.get('tracestate').join(',') };
}

/** The earlier of the caller's deadline and ours, as monotonic milliseconds. */
export function deadlineOf(
  call: Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline'>,
  clock: Clock,
  limitMs: number,
): number {
  const callers = call.getDeadline();
  const at = callers instanceof Date ? callers.getTime() : callers;
  // The caller's deadline is wall clock time, or Infinity.
  return clock.monotonic() + Math.min(limitMs, at - clock.now());
}
