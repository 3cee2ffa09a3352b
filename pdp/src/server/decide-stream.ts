/**
 * `Decide`: the sidecar's hot path (ADR-0005). Many questions in flight on one stream; each is answered as soon as it
 * is decided, in any order. Nothing here waits for one question before it reads the next.
 */

import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import type { DenyCode } from '@portcullis/policy/model';
import { toWireFault, type Wire } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import { toAnswer, toAttempt } from './attempt.js';
import type { EvaluateParts } from './evaluate.js';
import { guarded, logFault, statusOf } from './guard.js';
import type { QuestionRefusal, ServerObserver } from './observer.js';
import type { OpenStreams } from './open-streams.js';
import type { Caller } from './peer.js';

/** What the handler needs. */
export interface DecideStreamParts extends EvaluateParts {
  readonly streams: OpenStreams;
  readonly observer: ServerObserver;
  /** Unanswered questions on one stream; one more is answered with a fault. */
  readonly maxInFlight: number;
}

type Call = ServerDuplexStream<Wire.DecideRequest__Output, Wire.DecideResponse>;

/** Why a question is answered with a fault, as the caller and as the metric hear it. */
const REFUSALS = {
  overload: { code: 'PDP_UNAVAILABLE', message: 'too many questions are in flight on this stream' },
  identity: { code: 'IDENTITY_REJECTED', message: 'the certificate is not valid any more' },
  invalid: { code: 'REQUEST_INVALID', message: 'a question needs an id that is not in flight, and something to ask' },
  draining: { code: 'SHUTTING_DOWN', message: 'the PDP is draining' },
  defect: { code: 'INTERNAL_ERROR', message: 'the decision failed inside the PDP' },
} as const satisfies Record<QuestionRefusal, { readonly code: DenyCode; readonly message: string }>;

/** The handler; every call of it is one stream. */
export function createDecideStream(
  parts: DecideStreamParts,
): handleBidiStreamingCall<Wire.DecideRequest__Output, Wire.DecideResponse> {
  return (call) => {
    const fail = (fault: PortcullisError): void => {
      logFault(parts.log, fault, 'Stream failed');
      endWith(call, fault);
    };
    // A stream that breaks is the caller's loss alone; without a listener it would be the process's.
    call.on('error', () => undefined);
    guarded(() => serve(parts, call, parts.callers.callerOf(call), fail), fail)();
  };
}

function serve(parts: DecideStreamParts, call: Call, caller: Caller, fail: (fault: PortcullisError) => void): void {
  const { observer, streams, maxInFlight } = parts;
  const inFlight = new Set<number>();
  let unsent = 0;
  let isLeaving = false;
  let isOver = false;

  const finishIfDone = (): void => {
    if (isLeaving && !isOver && inFlight.size === 0) {
      isOver = true;
      call.end();
    }
  };
  const answer = (response: Wire.DecideResponse): void => {
    if (isOver || call.destroyed || call.writableEnded) return;
    unsent += 1;
    // A caller that asks and does not read is not read from either, so its answers cannot pile up here.
    if (unsent >= maxInFlight && !call.isPaused()) call.pause();
    call.write(response, () => {
      unsent -= 1;
      if (call.isPaused() && !isLeaving && unsent <= maxInFlight / 2) call.resume();
    });
  };
  const refuse = (id: number, reason: QuestionRefusal): void => {
    observer.questionRefused(reason);
    answer({ id, fault: toWireFault(REFUSALS[reason]) });
  };
  const decide = async (id: number, question: Wire.EvaluateRequest__Output): Promise<void> => {
    inFlight.add(id);
    try {
      const deadline = parts.clock.monotonic() + parts.deadlineMs;
      const decision = await parts.decide(toAttempt(question, caller, deadline));
      inFlight.delete(id);
      answer({ id, decision: toAnswer(decision) });
    } catch (error) {
      inFlight.delete(id);
      logFault(parts.log, PortcullisError.from(error), 'Question failed');
      refuse(id, 'defect');
    } finally {
      finishIfDone();
    }
  };
  const onQuestion = (message: Wire.DecideRequest__Output): void => {
    const id = message.id ?? 0;
    if (!caller.isValidNow()) {
      refuse(id, 'identity');
      fail(new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', REFUSALS.identity.message));
      return;
    }
    const { evaluate, ping } = message;
    if (ping !== undefined) answer({ id, pong: {} });
    else if (isLeaving) refuse(id, 'draining');
    else if (id === 0 || evaluate === undefined || inFlight.has(id)) refuse(id, 'invalid');
    else if (inFlight.size >= maxInFlight) refuse(id, 'overload');
    else void decide(id, evaluate);
  };
  const leave = (): void => {
    if (isLeaving) return;
    isLeaving = true;
    finishIfDone();
  };

  observer.streamOpened('decide');
  const remove = streams.add({ leave });
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    isOver = true;
    remove();
    observer.streamClosed('decide');
  };
  call.on('data', guarded(onQuestion, fail));
  call.on('end', leave);
  call.on('close', close);
  call.on('cancelled', close);
  call.on('finish', close);
}

/** grpc-js takes the status from an `error` event, after it has sent what was written before. */
function endWith(call: Call, fault: PortcullisError): void {
  if (!call.destroyed && !call.writableEnded) call.emit('error', statusOf(fault));
}
