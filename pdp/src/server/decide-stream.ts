/**
 * `Decide`: the sidecar's hot path (ADR-0005). Many questions in flight on one stream and in one message; each is
 * answered as soon as it is decided, in any order. Nothing here waits for one question before it reads the next.
 */

import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import type { DenyCode } from '@portcullis/policy/model';
import { toWireFault, type Wire } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { TraceFields } from '@portcullis/runtime/tracing';
import { createAnswerBatch, MAX_BATCH } from './answer-batch.js';
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
  /** Serialises an answer; the stream itself carries bytes, so that answers can be put together. */
  readonly encode: (response: Wire.DecideResponse) => Buffer;
  /** Unanswered questions on one stream; one more is answered with a fault. */
  readonly maxInFlight: number;
}

/** The handler: messages come in decoded and go out encoded. */
export type DecideStream = handleBidiStreamingCall<Wire.DecideRequest__Output, Buffer>;

type Call = ServerDuplexStream<Wire.DecideRequest__Output, Buffer>;

/**
 * Questions of one stream that are decided in one turn of the event loop. The caller works on those answers while the
 * next are decided, and a large message does not keep everybody else waiting. Were it as many as a busy caller has under way,
 * the two would take turns instead (ADR-0023).
 */
const PER_TURN = 16;

/** A question that was taken and waits for its turn. */
interface Waiting {
  readonly id: number;
  readonly question: Wire.EvaluateRequest__Output;
  /** Monotonic milliseconds; counted from the arrival. */
  readonly deadline: number;
  /** Absent where the question names no trace. */
  readonly trace?: TraceFields;
}

/** Why a question is answered with a fault, as the caller and as the metric hear it. */
const REFUSALS = {
  overload: { code: 'PDP_UNAVAILABLE', message: 'too many questions are in flight on this stream' },
  identity: { code: 'IDENTITY_REJECTED', message: 'the certificate is not valid any more' },
  invalid: { code: 'REQUEST_INVALID', message: 'a question needs an id that is not in flight, and something to ask' },
  draining: { code: 'SHUTTING_DOWN', message: 'the PDP is draining' },
  defect: { code: 'INTERNAL_ERROR', message: 'the decision failed inside the PDP' },
} as const satisfies Record<QuestionRefusal, { readonly code: DenyCode; readonly message: string }>;

/** The handler; every call of it is one stream. */
export function createDecideStream(parts: DecideStreamParts): DecideStream {
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

function serve(
  parts: DecideStreamParts,
  call: Call,
  caller: Caller,
  endWithFault: (fault: PortcullisError) => void,
): void {
  const { observer, streams, maxInFlight } = parts;
  const inFlight = new Set<number>();
  const waiting: Waiting[] = [];
  /** How many more are decided in this turn. */
  let left = PER_TURN;
  let turn: NodeJS.Immediate | undefined;
  let unsent = 0;
  let isLeaving = false;
  let isOver = false;

  const batch = createAnswerBatch((message, answers) => {
    if (isOver || call.destroyed || call.writableEnded) return;
    call.write(message, () => {
      unsent -= answers;
      if (call.isPaused() && !isLeaving && unsent <= maxInFlight / 2) call.resume();
    });
  });
  const fail = (fault: PortcullisError): void => {
    batch.flush();
    endWithFault(fault);
  };
  const finishIfDone = (): void => {
    if (isLeaving && !isOver && inFlight.size === 0) {
      batch.flush();
      isOver = true;
      call.end();
    }
  };
  const answer = (content: Wire.Answer): void => {
    const encoded = parts.encode({ answers: [content] });
    unsent += 1;
    // A caller that asks and does not read is not read from either, so its answers cannot pile up here.
    if (unsent >= maxInFlight && !call.isPaused()) call.pause();
    batch.add(encoded);
  };
  const refuse = (id: number, reason: QuestionRefusal): void => {
    observer.questionRefused(reason);
    answer({ id, fault: toWireFault(REFUSALS[reason]) });
  };
  const decide = async ({ id, question, deadline, trace }: Waiting): Promise<void> => {
    try {
      const before = parts.epochs.current();
      const decision = await parts.decide(toAttempt(question, caller, deadline, trace));
      inFlight.delete(id);
      answer({ id, decision: toAnswer(decision, before) });
    } catch (error) {
      inFlight.delete(id);
      logFault(parts.log, PortcullisError.from(error), 'Question failed');
      refuse(id, 'defect');
    } finally {
      finishIfDone();
    }
  };
  const work = (): void => {
    for (; left > 0; left -= 1) {
      const next = waiting.shift();
      if (next === undefined) return;
      void decide(next);
    }
  };
  const accept = (entry: Waiting): void => {
    inFlight.add(entry.id);
    waiting.push(entry);
    if (turn !== undefined) return;
    turn = setImmediate(nextTurn);
  };
  const nextTurn = (): void => {
    turn = waiting.length === 0 ? undefined : setImmediate(nextTurn);
    left = PER_TURN;
    work();
  };
  const onQuestion = (asked: Wire.Question__Output, deadline: number): void => {
    const { id = 0, evaluate, ping, traceparent, tracestate } = asked;
    if (ping !== undefined) answer({ id, pong: {} });
    else if (isLeaving) refuse(id, 'draining');
    else if (id === 0 || evaluate === undefined || inFlight.has(id)) refuse(id, 'invalid');
    else if (inFlight.size >= maxInFlight) refuse(id, 'overload');
    else if (traceparent === undefined || traceparent === '') accept({ id, question: evaluate, deadline });
    else accept({ id, question: evaluate, deadline, trace: { traceparent, tracestate } });
  };
  const onMessage = ({ questions = [] }: Wire.DecideRequest__Output): void => {
    if (questions.length > MAX_BATCH) {
      fail(new PortcullisError('ERR_REQUEST_INVALID', 'invalid', `a message holds at most ${MAX_BATCH} questions`));
      return;
    }
    if (!caller.isValidNow()) {
      for (const { id = 0 } of questions) refuse(id, 'identity');
      fail(new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', REFUSALS.identity.message));
      return;
    }
    const deadline = parts.clock.monotonic() + parts.deadlineMs;
    for (const question of questions) onQuestion(question, deadline);
    work();
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
    // Nobody hears the answers any more.
    waiting.length = 0;
    remove();
    observer.streamClosed('decide');
  };
  call.on('data', guarded(onMessage, fail));
  call.on('end', leave);
  call.on('close', close);
  call.on('cancelled', close);
  call.on('finish', close);
}

/** grpc-js takes the status from an `error` event, after it has sent what was written before. */
function endWith(call: Call, fault: PortcullisError): void {
  if (!call.destroyed && !call.writableEnded) call.emit('error', statusOf(fault));
}
