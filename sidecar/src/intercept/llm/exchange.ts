/** One exchange with an agent: read, decide, forward, deliver, settle. Reads top to bottom; nothing is skipped. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, parseStrictJson } from '@portcullis/runtime';
import type { PolicyClient, Settlement } from '../../ask/port.js';
import { type Behalf, type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import { giveBack } from '../../enforce/account.js';
import { tokenCap } from '../../enforce/capabilities.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import { type Permit, type UsedPermit, usedPermit } from '../../enforce/permit.js';
import type { Refuser } from '../../enforce/refuse.js';
import { createReport } from '../../enforce/report.js';
import type { ExchangeObserver } from '../exchange-outcome.js';
import { abortedWith } from '../http/aborted-with.js';
import { collect } from '../http/body.js';
import type { Upstream, UpstreamReply } from '../http/upstream.js';
import { type LlmAttempts, type Underway, underway, upstreamName } from './attempts.js';
import type { DecideCall } from './calls.js';
import type { Catalogue } from './catalogue.js';
import { chargedFor, chargeOf, NO_CHARGE } from './charge.js';
import type { LlmConfig } from './config.js';
import { type Delivered, type Deliverer, sendJson } from './deliver.js';
import type { Usage } from './endpoint.js';
import { type ApiError, errorBody, errorEvent, errorHeaders, errorOf, upstreamError } from './errors.js';
import { type Grant, type Granted, isGranted } from './grant.js';
import type { Head } from './head.js';
import { isObject } from './json-values.js';
import { listModels } from './models.js';
import { isInference, type ReadInference } from './read-inference.js';
import { refusedTarget } from './refused-target.js';

/** Who hears of tokens. */
export interface LlmObserver extends ExchangeObserver {
  /** What an answer has used, and who counted it. */
  tokensUsed(usage: Usage, counted: 'provider' | 'estimate'): void;
  /** A stream was ended because its budget was. */
  streamCut(): void;
}

/** What an exchange needs. */
export interface ExchangeOptions {
  readonly guard: Guard;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly behalf: BehalfReader;
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly attempts: LlmAttempts;
  readonly readInference: ReadInference;
  readonly grant: Grant;
  readonly decideCall: DecideCall;
  readonly catalogue: Catalogue;
  /** By {@link upstreamName}. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly deliverer: Deliverer;
  /** Whether an answer that was decided may go as it is. */
  readonly isAsOrdered: (permit: Permit, text: string) => Promise<boolean>;
  readonly observer: LlmObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<LlmConfig, 'limits' | 'estimate'>;
}

/** Serves requests whose head is in order. Never rejects. */
export type LlmExchange = (
  head: Head,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
) => Promise<void>;

interface Turn {
  readonly head: Head;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly behalf: Behalf;
}

/** A request that was sent, without what it says. */
interface Sent extends Pick<Granted, 'filter' | 'ordered' | 'hosted' | 'inputTokens'> {
  readonly inference: Underway;
  readonly permit: UsedPermit;
  readonly sentAt: number;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  readonly reply: Promise<UpstreamReply>;
  /** Whether all of it is on its way. */
  isSent(): boolean;
  /** It is no longer open. */
  ended(): void;
}

/** Makes the exchange. */
export function createLlmExchange(options: ExchangeOptions): LlmExchange {
  const { guard, refuser, client, attempts, clock, config, observer } = options;
  const { limits } = config;
  const report = createReport(client, clock);

  return async (head, request, response, signal) => {
    const startedAt = clock.monotonic();
    const behalf = options.behalf.ofHeaders(request.rawHeaders);
    const doubt = isBehalf(behalf) ? options.behalf.lacks(behalf) : behalf;
    const turn: Turn = { head, response, signal, behalf: isBehalf(behalf) ? behalf : {} };
    try {
      if (doubt !== undefined) return unreadable(turn, 400, doubt.problem);
      if (head.route.operation === 'models') await listModels(options, head, turn.behalf, response);
      else await infer(turn, request);
    } catch (thrown) {
      respond(turn, errorOf(refuser.fault(thrown)));
    } finally {
      observer.took((clock.monotonic() - startedAt) / 1000);
    }
  };

  async function infer(turn: Turn, incoming: IncomingMessage): Promise<void> {
    const body = await readBody(turn, incoming);
    if (body === undefined) return;
    const made = options.readInference(turn.head, turn.behalf, body);
    if (!isInference(made)) return respond(turn, made);
    const granted = await options.grant(made);
    if (!isGranted(granted)) return respond(turn, errorOf(granted));
    return carryOut(turn, granted);
  }

  function unreadable(turn: Turn, status: number, message: string): void {
    // What was not read is still on its way; the connection cannot carry another request.
    turn.response.setHeader('connection', 'close');
    respond(turn, invalid(turn, message, status));
  }

  async function readBody(turn: Turn, incoming: IncomingMessage): Promise<JsonObject | undefined> {
    const announced = Number(turn.head.headers.get('content-length') ?? 0);
    const collected =
      announced > limits.maxBodyBytes
        ? ({ kind: 'too_large' } as const)
        : await collect(incoming, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs });
    if (collected.kind === 'broken') return undefined;
    if (collected.kind !== 'all') {
      const isLate = collected.kind === 'late';
      unreadable(turn, isLate ? 408 : 413, isLate ? 'the body took too long' : 'the body is larger than allowed');
      return undefined;
    }
    if (incoming.rawTrailers.length > 0) {
      unreadable(turn, 400, 'trailers are not accepted');
      return undefined;
    }
    const read = parseStrictJson(collected.bytes, { maxBytes: limits.maxBodyBytes });
    if (read.ok && isObject(read.value)) return read.value;
    const why = read.ok
      ? 'the body must be a JSON object'
      : `the body is not strict JSON: ${read.reason} at byte ${read.offset}`;
    respond(turn, invalid(turn, why));
    return undefined;
  }

  /** Sends under a permit. Not async: what waits for the answer would hold all that was asked until it is over. */
  function carryOut(turn: Turn, granted: Granted): Promise<void> {
    const { permit, hosted, request } = granted;
    const name = upstreamName(granted.inference.served.provider.name, granted.inference.route.path);
    const upstream = options.upstreams.get(name);
    if (upstream === undefined) throw new TypeError('no upstream for the endpoint');
    if (turn.signal.aborted) {
      for (const one of [permit, ...hosted]) settle(one, 'refused', 0);
      return Promise.resolve();
    }
    const sentAt = clock.monotonic();
    let isSent = false;
    const gone = abortedWith(turn.signal);
    const { signal } = gone;
    const inference = underway(granted.inference);
    const ended = options.open.add(request, () => {
      respond(turn, errorOf(refuser.refuse('KILL_SWITCH', { request })), inference);
      gone.abort('stopped by the kill switch');
    });
    const reply = upstream.forward(permit, 'POST', granted.inference.forwarded, signal, () => {
      isSent = true;
    });
    const { filter, ordered, inputTokens } = granted;
    const used = usedPermit(permit);
    const sent = { inference, permit: used, filter, ordered, hosted, inputTokens, sentAt, signal, reply };
    return bring(turn, { ...sent, isSent: () => isSent, ended });
  }

  /** Delivers what comes back, and settles. */
  async function bring(turn: Turn, sent: Sent): Promise<void> {
    const { inference, permit, hosted, sentAt } = sent;
    let isReported = false;
    let delivered: Delivered | undefined;
    try {
      delivered = await options.deliverer.deliver({
        inference,
        permit,
        reply: await sent.reply,
        response: turn.response,
        cap: tokenCap(permit) ?? (config.estimate.enforced ? inference.asked.maxTokens : undefined),
        filter: sent.filter,
        decide: (call) => options.decideCall(inference, call),
        release: async (brought, usage) => {
          const withheld = permit.decides_output ? await decideOutput(sent, brought.text) : undefined;
          if (withheld !== undefined) return withheld;
          const used = usage === undefined ? undefined : chargedFor(inference, usage);
          const isReleased = await report(permit, brought.value, sentAt, used);
          isReported = isReleased && permit.report !== undefined;
          return isReleased ? undefined : upstreamError('its answer could not be recorded');
        },
      });
    } catch (thrown) {
      if (!sent.signal.aborted) options.log.warn({ [LOG_FIELD.error]: thrown }, 'Model provider could not be reached');
      respond(turn, upstreamError('it could not be reached'), inference);
    } finally {
      sent.ended();
      const outcome = delivered?.outcome ?? 'upstream_failed';
      const duration = clock.monotonic() - sentAt;
      observer.carriedOut('llm_proxy', outcome);
      const charge = sent.isSent() ? chargeOf(inference, sent.inputTokens, delivered, config.estimate) : NO_CHARGE;
      if (charge.tokens !== undefined) observer.tokensUsed(charge.tokens, charge.tokens.counted);
      if (charge.tokens?.counted === 'estimate') options.log.info('Provider reported no usage, so the estimate counts');
      if (delivered?.isCut === true) observer.streamCut();
      // The report of a result is its settlement.
      if (!isReported) settle(permit, outcome, duration, charge.usage);
      for (const one of hosted) settle(one, outcome, duration);
    }
  }

  /** An answer is an attempt of its own where a policy reads it. */
  async function decideOutput({ inference, ordered }: Sent, text: string): Promise<ApiError | undefined> {
    const outcome = await guard(attempts.completion(inference, text));
    if (isRefusal(outcome)) return errorOf(outcome);
    const cap = tokenCap(outcome);
    const isWithin = cap === undefined || (inference.asked.maxTokens !== undefined && inference.asked.maxTokens <= cap);
    const isOrdered = async (): Promise<boolean> =>
      isAmong(outcome.conditions, ordered) || options.isAsOrdered(outcome, text);
    const isDone =
      isWithin &&
      (await isOrdered().catch((thrown: unknown) => {
        giveBack(client, outcome);
        throw thrown;
      }));
    settle(outcome, isDone ? 'forwarded' : 'refused', 0);
    if (isDone) return undefined;
    return errorOf(
      refuser.refuse('OBLIGATION_UNSUPPORTED', {
        message: 'the decision about the answer wants it to be another one, and it is said already',
        decision_id: outcome.decision_id,
      }),
    );
  }

  function settle(
    permit: UsedPermit,
    outcome: Settlement['outcome'],
    durationMs: number,
    usage?: Settlement['usage'],
  ): void {
    client.settle({
      decision_id: permit.decision_id,
      request_digest: permit.request_digest,
      outcome,
      duration_ms: Math.max(0, Math.round(durationMs)),
      ...(usage === undefined ? {} : { usage }),
    });
  }

  function invalid({ head }: Turn, message: string, httpStatus = 400): ApiError {
    const target = refusedTarget(head.route, options.catalogue);
    return errorOf(refuser.refuse('REQUEST_INVALID', { message, httpStatus, target }));
  }

  function respond({ head, response }: Turn, error: ApiError, inference?: Underway): void {
    const { api, operation } = head.route;
    if (response.destroyed || response.writableEnded) return;
    if (response.headersSent) {
      if (inference?.asked.stream === true) response.end(errorEvent(api, operation, error));
      else response.destroy();
      return;
    }
    sendJson(response, error.status, Buffer.from(JSON.stringify(errorBody(api, error))), errorHeaders(error));
  }
}

/** Whether all of these have been carried out already. */
function isAmong(conditions: Permit['conditions'], carriedOut: Permit['conditions']): boolean {
  const known = new Set(carriedOut.map((one) => JSON.stringify(one)));
  return conditions.every((one) => known.has(JSON.stringify(one)));
}
