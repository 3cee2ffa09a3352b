/** Assembles the PDP client: endpoints, dispatcher, breaker and settlements behind the port. */

import { randomUUID } from 'node:crypto';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { type CanonicalRequest, NOT_STOPPED } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, systemClock } from '@portcullis/runtime';
import { createBreaker, createCircuit } from './breaker.js';
import { choose } from './choose.js';
import type { PdpConfig } from './config.js';
import { createDispatcher } from './dispatch.js';
import { createEndpoint, type Endpoint } from './endpoint.js';
import { type AskObserver, shieldObserver, silentObserver } from './observer.js';
import type { Answer, AnswerCache, AskFailureCode, PolicyClient, ResultReport, Settlement } from './port.js';
import { createRefusalQueue } from './refusal-queue.js';
import { createReuseQueue } from './reuse-queue.js';
import { createSettleQueue } from './settle.js';
import { type About, createWire, type EncodedQuestion } from './wire.js';

/** What the client needs. */
export interface PolicyClientOptions {
  readonly config: PdpConfig;
  /** How to reach the PDPs; in production {@link pdpCredentials}. */
  readonly credentials: ChannelCredentials;
  readonly log: Logger;
  /**
   * Calls back when the credentials present another certificate, and returns the way to stop that; then every
   * connection is replaced, because a PDP refuses a certificate that expires on a live one. In production
   * `(renew) => material.onChange(renew)`. Default: never.
   */
  readonly onRenewal?: (renew: () => void) => () => void;
  /** Default: every question is asked. */
  readonly cache?: AnswerCache | undefined;
  /** Default: nobody observes. */
  readonly observer?: AskObserver;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** A request of the usual kind; the codecs are rehearsed with it. Nobody is asked about it. */
  readonly rehearsal?: CanonicalRequest | undefined;
}

/** Ids are uint32 on the wire and 0 is not used. A question lives for milliseconds, so a wrapped id is long free. */
const MAX_ID = 0xffff_ffff;
/** The first generates the codecs, the others find what they call no longer new. */
const REHEARSALS = 8;

function failure(code: AskFailureCode, message: string): Answer {
  return { kind: 'failure', failure: { code, message } };
}

/**
 * Creates the client and starts connecting to every endpoint; it is usable at once and answers failures until a PDP can
 * be reached.
 * @throws Error when decision.proto cannot be read: the installation is broken
 */
export function createPolicyClient(options: PolicyClientOptions): PolicyClient {
  const { config, credentials, log, cache, clock = systemClock } = options;
  const observer = shieldObserver(options.observer ?? silentObserver, (error) => {
    log.error({ [LOG_FIELD.error]: error }, 'Observer failed');
  });
  const wire = createWire();
  const now = (): number => clock.monotonic();
  let lastId = 0;
  const nextId = (): number => {
    lastId = lastId >= MAX_ID ? 1 : lastId + 1;
    return lastId;
  };
  let ready = false;
  let closing: Promise<void> | undefined;

  const endpoints: readonly Endpoint[] = config.endpoints.map((name) =>
    createEndpoint({
      name,
      config,
      credentials,
      wire,
      now,
      nextId,
      events: {
        available() {
          dispatcher.available();
        },
        answered(endpoint, question, reply) {
          dispatcher.answered(endpoint, question, reply);
        },
        stranded(endpoint, questions, end, detail) {
          dispatcher.stranded(endpoint, questions, end, detail);
        },
        lost(endpoint, end, detail) {
          log.warn({ [LOG_FIELD.peer]: endpoint.name, [LOG_FIELD.reason]: detail, end }, 'Decision stream lost');
        },
        stateChanged(endpoint, state) {
          log.debug({ [LOG_FIELD.peer]: endpoint.name, state }, 'Policy decision point changed state');
          observer.endpointChanged(endpoint.name, state);
        },
        watched(endpoint, report) {
          ready ||= report.epochs.release_seq >= 1;
          cache?.watched(endpoint.name, report);
          observer.epochs(endpoint.name, report.epochs);
          observer.answers(endpoint.name, report.approvals ?? 0);
        },
        unwatched(endpoint) {
          cache?.unwatched(endpoint.name);
          observer.answers(endpoint.name, undefined);
        },
      },
    }),
  );
  const stopRenewing = options.onRenewal?.(() => {
    for (const endpoint of endpoints) endpoint.renew();
  });
  const dispatcher = createDispatcher({
    config,
    endpoints,
    now,
    random: Math.random,
    hedged() {
      observer.hedged();
    },
  });
  const breaker = createBreaker({
    circuit: createCircuit(config),
    config,
    now,
    probe: () => anyAnswers(endpoints, config.breaker.resetTimeoutMs / 4),
    aliveSince: (time) => endpoints.some((endpoint) => endpoint.aliveSince(time)),
    changed(state) {
      log.info({ state }, 'Breaker changed state');
      observer.breakerChanged(state);
    },
  });
  const report = async (batch: Buffer): Promise<Buffer> => {
    const time = now();
    const target = choose(
      endpoints.filter(({ available }) => available).map((endpoint) => endpoint.candidate(time)),
      Math.random,
    );
    if (target === undefined) throw new Error('no policy decision point can be reached');
    return target.endpoint.settle(batch);
  };
  const reuses = createReuseQueue({
    flushMs: config.settle.flushMs,
    async send(batch) {
      const recorded = wire.decodeRecorded(await report(wire.encodeReuses(batch)));
      if (recorded !== batch.length) throw new Error('not every reuse was recorded');
    },
    now,
    lost(count) {
      log.error({ [LOG_FIELD.details]: { count } }, 'Allows out of kept decisions were not recorded');
      observer.reusesLost(count);
    },
  });
  const refusals = createRefusalQueue({
    async send(batch) {
      return wire.decodeRefusalsRecorded(await report(wire.encodeRefusals(batch)));
    },
    now: () => clock.now(),
    newId: randomUUID,
    lost(count) {
      log.error({ [LOG_FIELD.details]: { count } }, 'Refused attempts were not recorded');
      observer.refusalsLost(count);
    },
  });
  const settlements = createSettleQueue({
    config: config.settle,
    async send(batch) {
      await report(wire.encodeSettlements(batch));
    },
    dropped(count) {
      observer.settleDropped(count);
    },
  });

  const encode = (id: number, request: CanonicalRequest, about: About): EncodedQuestion | undefined => {
    try {
      return wire.encodeQuestion(id, request, about);
    } catch {
      return undefined;
    }
  };
  /** Nothing for a request without a canonical form: it is refused where all are. */
  const recall = (request: CanonicalRequest, digest: string | undefined): Answer | undefined => {
    try {
      if (cache === undefined || closing !== undefined || !reuses.ready) return undefined;
      const served = cache.find(request, digest);
      if (served === undefined) return undefined;
      reuses.add(served.reuse);
      return { kind: 'decision', decision: served.decision };
    } catch {
      return undefined;
    }
  };
  const decide = async (request: CanonicalRequest, about: About): Promise<Answer> => {
    if (closing !== undefined) return failure('SHUTTING_DOWN', 'the policy client is closed');
    const ticket = about.onlyKills === true ? undefined : cache?.ticket();
    if (dispatcher.inFlight >= config.maxInFlight) {
      // Not the PDPs' failure, so not for the breaker either.
      return failure('PDP_UNAVAILABLE', 'too many questions are waiting for an answer');
    }
    const { refusal } = breaker;
    if (refusal !== undefined) return refusal.answer;
    const id = nextId();
    const encoded = encode(id, request, about);
    // Neither was asked, so neither is for the breaker: a hostile request can neither open it nor keep it closed.
    if (encoded === undefined) return failure('REQUEST_INVALID', 'the request has no canonical form');
    // Sent anyway it would end the stream, and with it everybody else's questions.
    if (encoded.frame.length > config.maxQuestionBytes) {
      return failure('REQUEST_INVALID', 'the request is larger than a question may be (pdp.maxQuestionBytes)');
    }
    const outcome = await breaker.run(() => dispatcher.dispatch(id, encoded));
    const { answer, origin } = outcome;
    if (ticket !== undefined && origin !== undefined && answer.kind === 'decision') {
      cache?.store({ request, decision: answer.decision, ...origin, ticket });
    }
    return answer;
  };

  const answered = (answer: Answer, askedAt: number, isKept: boolean): Answer => {
    const outcome = answer.kind === 'decision' ? answer.decision.effect : answer.failure.code;
    observer.asked(outcome, (now() - askedAt) / 1000, isKept);
    return answer;
  };
  const askAnew = async (request: CanonicalRequest, about: About, askedAt: number): Promise<Answer> => {
    try {
      return answered(await decide(request, about), askedAt, false);
    } catch (error) {
      log.error({ [LOG_FIELD.error]: error }, 'Asking failed');
      return answered(failure('INTERNAL_ERROR', 'the question could not be asked'), askedAt, false);
    }
  };

  // After the endpoints began to connect: one can go on while the other waits.
  if (options.rehearsal !== undefined) {
    for (let round = 0; round < REHEARSALS; round += 1) wire.rehearse(options.rehearsal);
  }

  return {
    ask(request, details = {}) {
      const askedAt = now();
      const kept = recall(request, details.digest);
      return kept === undefined ? askAnew(request, details, askedAt) : answered(kept, askedAt, true);
    },
    async stops(request) {
      let answer: Answer;
      try {
        answer = await decide(request, { onlyKills: true });
      } catch (error) {
        log.error({ [LOG_FIELD.error]: error }, 'Asking failed');
        answer = failure('INTERNAL_ERROR', 'the question could not be asked');
      }
      const isUnstopped = answer.kind === 'decision' && answer.decision.deny[0]?.reason_code === NOT_STOPPED;
      return isUnstopped ? undefined : answer;
    },
    settle(settlement: Settlement) {
      settlements.add(settlement);
    },
    refused(attempt) {
      refusals.add(attempt);
    },
    async report(report: ResultReport) {
      const tried = new Set<Endpoint>();
      const batch = wire.encodeSettlements([report]);
      while (closing === undefined) {
        const time = now();
        const left = endpoints.filter((endpoint) => endpoint.available && !tried.has(endpoint));
        const target = choose(
          left.map((endpoint) => endpoint.candidate(time)),
          Math.random,
        );
        if (target === undefined) return false;
        tried.add(target.endpoint);
        try {
          return wire.decodeSettled(await target.endpoint.settle(batch)) === 1;
        } catch (error) {
          // Taken twice it counts once, so another may be asked.
          log.debug({ [LOG_FIELD.error]: error, [LOG_FIELD.peer]: target.endpoint.name }, 'Result was not taken');
        }
      }
      return false;
    },
    get ready() {
      return ready;
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };

  async function shutDown(): Promise<void> {
    stopRenewing?.();
    dispatcher.close();
    breaker.close();
    await Promise.all([settlements.close(), reuses.close(), refusals.close()]);
    for (const endpoint of endpoints) endpoint.close();
  }
}

/** True as soon as one PDP answers a Ping; false when none did within `ms`. */
async function anyAnswers(endpoints: readonly Endpoint[], ms: number): Promise<boolean> {
  const probes = endpoints.map(async (endpoint) => {
    if (!(await endpoint.probe(ms))) throw new Error('no answer');
  });
  return Promise.any(probes).then(
    () => true,
    () => false,
  );
}
