/**
 * The way of one question through the cluster: to the least loaded PDP; to another one when the first is overdue; again
 * when a stream broke under it; and to its end at the deadline, whatever the PDPs do.
 */

import type { Decision } from '@portcullis/policy/model';
import { choose } from './choose.js';
import type { PdpConfig } from './config.js';
import { createDelayLine } from './delay-line.js';
import type { Endpoint, EndpointCandidate } from './endpoint.js';
import { createHedgeBudget } from './hedge.js';
import type { LinkEnd, LinkReply } from './link.js';
import type { AskFailure, AskFailureCode } from './port.js';
import type { Outcome, Question } from './question.js';
import type { EncodedQuestion } from './wire.js';

/** Sends questions and collects their outcomes. */
export interface Dispatcher {
  /** Questions without an outcome. */
  readonly inFlight: number;
  /** Resolves at the deadline at the latest; never rejects. */
  dispatch(id: number, encoded: EncodedQuestion): Promise<Outcome>;
  /** Endpoint events, to be wired by whoever creates the endpoints. */
  available(): void;
  answered(endpoint: Endpoint, question: Question, reply: LinkReply): void;
  stranded(endpoint: Endpoint, questions: readonly Question[], end: LinkEnd, detail: string): void;
  /** Answers everything in flight with `SHUTTING_DOWN` and takes nothing more. */
  close(): void;
}

/** What a dispatcher needs. */
export interface DispatcherOptions {
  readonly config: PdpConfig;
  readonly endpoints: readonly Endpoint[];
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** [0, 1). */
  readonly random: () => number;
  readonly hedged: () => void;
}

/** A question goes to at most this many PDPs, hedges and retries included. */
const MAX_ATTEMPTS = 3;

/**
 * Faults that say something about the question and not about the PDP: every PDP would say the same. The others are worth
 * a try elsewhere.
 */
const FINAL_FAULTS: ReadonlySet<AskFailureCode> = new Set<AskFailureCode>(['REQUEST_INVALID', 'IDENTITY_REJECTED']);

/** Denials in which a PDP speaks of itself and not of the request. Another PDP may well have an answer. */
const OWN_TROUBLE = new Set([
  'PDP_TIMEOUT',
  'NO_VALID_BUNDLE',
  'AUDIT_UNAVAILABLE',
  'SHUTTING_DOWN',
  'INTERNAL_ERROR',
] as const satisfies readonly AskFailureCode[]);

function ownTrouble({ effect, deny }: Decision): AskFailure | undefined {
  const [reason, ...others] = deny;
  if (effect !== 'deny' || reason === undefined || others.length > 0) return undefined;
  const { message } = reason;
  for (const code of OWN_TROUBLE) if (code === reason.code) return { code, message };
  return undefined;
}

function failed(code: AskFailureCode, message: string, trips: boolean): Outcome {
  return { answer: { kind: 'failure', failure: { code, message } }, trips };
}

/** Creates a dispatcher over a fixed set of endpoints. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { config, endpoints, now, random } = options;
  const budget = createHedgeBudget(config.hedgeRatio, config.hedgeBurst);
  const early = config.hedgeAfterMs / 2;
  const parked = new Set<Question>();
  let inFlight = 0;
  let closed = false;

  /**
   * Nobody answered in time, or not with anything of use. Against the cluster that counts only if no PDP decided any other
   * question in time since: while one does, refusing to ask would make of the loss of some questions one of all.
   */
  const unanswered = ({ askedAt }: Question, code: AskFailureCode, message: string): Outcome =>
    failed(code, message, !endpoints.some((endpoint) => endpoint.decidedSince(askedAt)));
  const finish = (question: Question, outcome: Outcome): void => {
    if (question.settled) return;
    question.settled = true;
    inFlight -= 1;
    parked.delete(question);
    question.resolve(outcome);
  };
  const pick = (admit: (candidate: EndpointCandidate) => boolean): EndpointCandidate | undefined => {
    const time = now();
    const candidates: EndpointCandidate[] = [];
    for (const endpoint of endpoints) {
      if (!endpoint.available) continue;
      const candidate = endpoint.candidate(time);
      if (admit(candidate)) candidates.push(candidate);
    }
    return choose(candidates, random);
  };
  const send = (question: Question, endpoint: Endpoint): void => {
    question.asked.push(endpoint);
    question.sentAt = now();
    question.outstanding += 1;
    endpoint.send(question);
  };
  /** Sends to the best PDP, or keeps the question until one can be reached or its time is over. */
  const sendOrPark = (question: Question): void => {
    const fresh = pick(({ endpoint }) => !question.asked.includes(endpoint));
    // A PDP whose stream broke may be asked again over its next stream; for a single PDP that is the only way.
    const target = fresh ?? pick(() => true);
    if (target === undefined) parked.add(question);
    else send(question, target.endpoint);
  };

  // Half-way to the hedge: a PDP that is merely slow will have answered a Ping by then, one that is gone will not.
  const nudge = (batch: readonly Question[]): void => {
    const time = now();
    for (const question of batch) {
      if (question.settled) continue;
      question.asked.at(-1)?.nudge();
      question.nudgedAt = time;
      hedges.add(question);
    }
  };
  /**
   * Whether `from` stopped and `to` did not: it left even the Ping unanswered, or answers Pings and no question while
   * the other answers. Hedges away from it are free, or a PDP that stops would cost calls. Anything else is slowness,
   * and twice the questions would not cure it.
   */
  const gone = (from: Endpoint, to: EndpointCandidate, { sentAt, nudgedAt }: Question): boolean =>
    to.rank < 2 && (from.silentSince(nudgedAt) || (!from.answeredSince(sentAt) && to.endpoint.answeredSince(nudgedAt)));
  const hedge = (batch: readonly Question[]): void => {
    const time = now();
    const late: Question[] = [];
    for (const question of batch) {
      if (question.settled) continue;
      // Sent again (or for the first time) since it was asked: that PDP has its own time.
      if (question.outstanding === 0 || time - question.sentAt < early) nudges.add(question);
      else late.push(question);
    }
    // First mark, then hedge: when all PDPs are late at once, none of them is a refuge from the others.
    for (const { asked } of late) asked.at(-1)?.overdue(config.hedgeAfterMs);
    for (const question of late) {
      const { asked } = question;
      if (asked.length >= MAX_ATTEMPTS) continue;
      // Whatever comes of this, the question is looked at again before its deadline.
      nudges.add(question);
      const target = pick(({ endpoint }) => !asked.includes(endpoint));
      if (target === undefined) continue;
      const from = asked.at(-1);
      if (from === undefined || !(gone(from, target, question) || budget.spend())) continue;
      options.hedged();
      send(question, target.endpoint);
    }
  };
  const expire = (batch: readonly Question[]): void => {
    for (const question of batch) {
      for (const endpoint of question.asked) endpoint.forget(question);
      if (question.settled) continue;
      const { setback } = question;
      if (question.asked.length === 0) {
        finish(question, unanswered(question, 'PDP_UNAVAILABLE', 'no policy decision point could be reached in time'));
      } else if (question.outstanding === 0 && setback !== undefined) {
        finish(question, unanswered(question, setback.code, setback.message));
      } else {
        finish(question, unanswered(question, 'PDP_TIMEOUT', 'no policy decision point answered in time'));
      }
    }
  };
  const nudges = createDelayLine<Question>({ delayMs: early, now, due: nudge });
  const hedges = createDelayLine<Question>({ delayMs: config.hedgeAfterMs - early, now, due: hedge });
  const deadlines = createDelayLine<Question>({ delayMs: config.deadlineMs, now, due: expire });

  /** An attempt came to nothing. Waits for the others, or tries once more elsewhere, or gives up with `ending`. */
  const tryElsewhere = (question: Question, setback: AskFailure, ending: Outcome): void => {
    question.setback = setback;
    if (question.outstanding > 0) return;
    const target =
      question.retries === 0 && question.asked.length < MAX_ATTEMPTS
        ? pick(({ endpoint, rank }) => rank < 2 && !question.asked.includes(endpoint))
        : undefined;
    if (target === undefined) {
      finish(question, ending);
      return;
    }
    question.retries += 1;
    send(question, target.endpoint);
  };
  const invalid = (question: Question, message: string): void => {
    tryElsewhere(question, { code: 'PDP_REPLY_INVALID', message }, unanswered(question, 'PDP_REPLY_INVALID', message));
  };

  return {
    get inFlight() {
      return inFlight;
    },
    dispatch(id, { frame, digest }) {
      if (closed) return Promise.resolve(failed('SHUTTING_DOWN', 'the policy client is closed', false));
      return new Promise((resolve) => {
        const question: Question = {
          id,
          frame,
          digest,
          resolve,
          settled: false,
          asked: [],
          outstanding: 0,
          askedAt: now(),
          sentAt: 0,
          nudgedAt: 0,
          retries: 0,
          setback: undefined,
        };
        inFlight += 1;
        budget.earn();
        deadlines.add(question);
        nudges.add(question);
        sendOrPark(question);
      });
    },
    available() {
      const waiting = [...parked];
      parked.clear();
      for (const question of waiting) sendOrPark(question);
    },
    answered(endpoint, question, reply) {
      if (question.settled) return;
      question.outstanding -= 1;
      switch (reply.kind) {
        case 'decision':
          if (reply.decision.request_digest === question.digest) {
            const outcome: Outcome = {
              answer: { kind: 'decision', decision: reply.decision },
              trips: false,
              origin: { endpoint: endpoint.name, epochs: reply.epochs },
            };
            const trouble = ownTrouble(reply.decision);
            if (trouble === undefined) {
              endpoint.decided();
              finish(question, outcome);
              return;
            }
            endpoint.penalise();
            tryElsewhere(question, trouble, outcome);
            return;
          }
          endpoint.penalise();
          invalid(question, 'a decision about another request');
          return;
        case 'invalid':
          endpoint.penalise();
          invalid(question, reply.message);
          return;
        case 'fault': {
          const { failure } = reply;
          if (FINAL_FAULTS.has(failure.code)) {
            finish(question, { answer: { kind: 'failure', failure }, trips: false });
            return;
          }
          endpoint.penalise();
          tryElsewhere(question, failure, failed(failure.code, failure.message, false));
        }
      }
    },
    stranded(endpoint, questions, end, detail) {
      if (end === 'garbled') endpoint.penalise();
      for (const question of questions) {
        if (question.settled) continue;
        question.outstanding -= 1;
        if (end === 'garbled') {
          invalid(question, detail);
          continue;
        }
        question.setback = { code: 'PDP_UNAVAILABLE', message: 'the connection to the policy decision point was lost' };
        if (question.outstanding > 0) continue;
        if (question.retries > 0) {
          finish(question, unanswered(question, question.setback.code, question.setback.message));
          continue;
        }
        question.retries += 1;
        sendOrPark(question);
      }
    },
    close() {
      closed = true;
      nudges.close();
      hedges.close();
      for (const question of deadlines.close()) {
        finish(question, failed('SHUTTING_DOWN', 'the policy client is closing', false));
      }
    },
  };
}
