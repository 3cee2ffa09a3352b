/** One exchange with an agent: read, decide, forward, deliver, settle. Reads top to bottom; nothing is skipped. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, parseStrictJson } from '@portcullis/runtime';
import type { PolicyClient, Settlement } from '../../ask/port.js';
import { tokenCap } from '../../enforce/capabilities.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { createReport } from '../../enforce/report.js';
import { collect } from '../http/body.js';
import type { ExchangeObserver } from '../mcp/exchange.js';
import type { Upstream } from '../mcp/upstream.js';
import { type Inference, type LlmAttempts, upstreamName } from './attempts.js';
import type { DecideCall } from './calls.js';
import type { Catalogue, ServedModel } from './catalogue.js';
import type { LlmConfig } from './config.js';
import { mapTexts } from './content.js';
import type { ContentFilters } from './content-filters.js';
import { type Delivered, type Deliverer, sendJson } from './deliver.js';
import { type Asked, type Endpoint, isAsked, type Usage } from './endpoint.js';
import { ENDPOINTS } from './endpoints.js';
import { type ApiError, errorBody, errorEvent, errorHeaders, errorOf, upstreamError } from './errors.js';
import type { Head } from './head.js';
import { isObject, listOf } from './json-values.js';
import { listModels } from './models.js';

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
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly attempts: LlmAttempts;
  readonly decideCall: DecideCall;
  readonly catalogue: Catalogue;
  /** By {@link upstreamName}. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly deliverer: Deliverer;
  readonly filters: ContentFilters;
  readonly observer: LlmObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<LlmConfig, 'limits' | 'maxTokens' | 'estimate'>;
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
}

/** A request that was allowed, and everything that was allowed with it. */
interface Granted {
  readonly inference: Inference;
  readonly permit: Permit;
  readonly inputTokens: number;
  readonly request: Parameters<OpenAttempts['add']>[0];
}

const API_VERSION = '2023-06-01';
/** The agent's headers that mean something to a provider. Its credentials and organisation are never among them. */
const PASS = ['anthropic-version', 'anthropic-beta', 'openai-beta', 'traceparent', 'tracestate'] as const;
/** Part of the question: they change what the provider does. */
const ASKED_HEADERS: readonly string[] = ['anthropic-version', 'anthropic-beta', 'openai-beta'];

/** Questions about one request: it, with a limit or without a text, and once more. */
const MAX_ROUNDS = 3;
const NOTHING_USED = { tokens: 0, cost: 0 } as const;
const MILLION = 1_000_000;

/** Makes the exchange. */
export function createLlmExchange(options: ExchangeOptions): LlmExchange {
  const { guard, refuser, client, attempts, clock, config, observer } = options;
  const { limits } = config;
  const report = createReport(client, clock);

  return async (head, request, response, signal) => {
    const startedAt = clock.monotonic();
    const turn: Turn = { head, response, signal };
    try {
      if (head.route.operation === 'models') await listModels(options, head, response);
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
    const made = readInference(turn.head, body);
    if (!('endpoint' in made)) return respond(turn, made);
    const granted = await grant(made);
    if ('kind' in granted) return respond(turn, errorOf(granted));
    const hosted = await hostedTools(granted.inference);
    if ('kind' in hosted) {
      settle(granted.permit, 'refused', 0);
      return respond(turn, errorOf(hosted));
    }
    await carryOut(turn, granted, hosted);
  }

  async function readBody(turn: Turn, incoming: IncomingMessage): Promise<JsonObject | undefined> {
    const announced = Number(turn.head.headers.get('content-length') ?? 0);
    const collected =
      announced > limits.maxBodyBytes
        ? ({ kind: 'too_large' } as const)
        : await collect(incoming, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs });
    if (collected.kind === 'broken') return undefined;
    if (collected.kind !== 'all') {
      // What was not read is still on its way; the connection cannot carry another request.
      turn.response.setHeader('connection', 'close');
      const isLate = collected.kind === 'late';
      respond(turn, invalid(isLate ? 'the body took too long' : 'the body is larger than allowed', isLate ? 408 : 413));
      return undefined;
    }
    const read = parseStrictJson(collected.bytes, { maxBytes: limits.maxBodyBytes });
    if (read.ok && isObject(read.value)) return read.value;
    const why = read.ok
      ? 'the body must be a JSON object'
      : `the body is not strict JSON: ${read.reason} at byte ${read.offset}`;
    respond(turn, invalid(why));
    return undefined;
  }

  /** What is asked of which model, or why that cannot be said. */
  function readInference(head: Head, given: JsonObject): Inference | ApiError {
    const { route } = head;
    if (route.operation === 'models') throw new TypeError('the list of models asks for nothing');
    const endpoint = ENDPOINTS[route.operation];
    const asked = endpoint.read(given);
    if (!isAsked(asked)) return { ...invalid(asked.message), param: asked.param };
    if (asked.stream && endpoint.stream === undefined)
      return { ...invalid('stream: this endpoint does not stream'), param: 'stream' };
    const served = options.catalogue.find(route.api, route.provider, asked.model);
    if (served === undefined) {
      const error = invalid(`no provider serves the model ${quoted(asked.model)} here`, 404);
      return { ...error, code: 'model_not_found', param: 'model' };
    }
    const body = bodyOf(endpoint, served, given, asked);
    const prepared = endpoint.read(body);
    if (!isAsked(prepared)) return { ...invalid(prepared.message), param: prepared.param };
    return inferenceOf(head, served, given, { body, asked: prepared });
  }

  /** What is forwarded, before anybody asks about it. */
  function bodyOf(endpoint: Endpoint, { provider, model }: ServedModel, given: JsonObject, asked: Asked): JsonObject {
    const body = endpoint.prepared(given, { model, streamUsage: provider.streamUsage });
    const isOpen = endpoint.action === 'chat' && asked.maxTokens === undefined;
    return isOpen && config.estimate.enforced ? (endpoint.limited(body, config.estimate.outputTokens) ?? body) : body;
  }

  function inferenceOf(
    head: Head,
    served: ServedModel,
    given: JsonObject,
    prepared: Pick<Inference, 'body' | 'asked'>,
  ): Inference {
    const { route } = head;
    const endpoint = ENDPOINTS[route.operation as keyof typeof ENDPOINTS];
    const passed = PASS.flatMap((name) => {
      const value = head.headers.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const headers = Object.fromEntries(passed);
    const streaming = given['stream_options'];
    return {
      ...prepared,
      route,
      endpoint,
      served,
      url: `${served.provider.baseUrl.replace(/\/$/, '')}${route.path}`,
      headers: Object.fromEntries(passed.filter(([name]) => ASKED_HEADERS.includes(name))),
      forwarded: {
        ...headers,
        ...(route.api === 'anthropic' && headers['anthropic-version'] === undefined
          ? { 'anthropic-version': API_VERSION }
          : {}),
        accept: prepared.asked.stream ? 'text/event-stream' : 'application/json',
      },
      wantsUsage: isObject(streaming) && streaming['include_usage'] === true,
    };
  }

  /** Tools that the provider would use while it answers: nobody could stop it then. */
  async function hostedTools(inference: Inference): Promise<readonly Permit[] | Refusal> {
    const permits: Permit[] = [];
    for (const tool of inference.asked.tools.filter(({ by }) => by === 'provider')) {
      const outcome = await guard(attempts.hosted(inference, tool));
      if (isRefusal(outcome)) {
        for (const permit of permits) settle(permit, 'refused', 0);
        return outcome;
      }
      permits.push(outcome);
    }
    return permits;
  }

  /** Asks; again about what the decision makes of the request, until that is what was asked about. */
  async function grant(inference: Inference): Promise<Granted | Refusal> {
    let current = inference;
    for (let round = 1; ; round += 1) {
      const attempt = attempts.inference(current);
      const outcome = await guard(attempt);
      if (isRefusal(outcome)) return outcome;
      const { request, inputTokens } = attempt;
      const adjusted = adjust(current, outcome);
      if (adjusted === current) return { inference: current, permit: outcome, inputTokens, request };
      settle(outcome, 'refused', 0);
      const { decision_id } = outcome;
      if (adjusted === undefined) {
        const message = `an answer may have at most ${tokenCap(outcome) ?? 0} tokens; ask for that many`;
        return refuser.refuse('POLICY_DENIED', { message, decision_id, request });
      }
      if (round === MAX_ROUNDS) return refuser.refuse('OBLIGATION_UNSUPPORTED', { decision_id, request });
      current = adjusted;
    }
  }

  /** The request as the decision's conditions want it; the same one when it is so already, nothing when it cannot be. */
  function adjust(inference: Inference, permit: Permit): Inference | undefined {
    const { endpoint, asked } = inference;
    let { body } = inference;
    const change = options.filters.request(permit);
    if (change !== undefined) {
      const content = mapTexts(asked.content, change);
      if (content !== asked.content) body = { ...body, ...(content as JsonObject) };
      body = withoutTokens(body);
    }
    const cap = tokenCap(permit);
    if (cap !== undefined && !isWithin(inference, cap)) {
      const lowered = config.maxTokens === 'lower' ? endpoint.limited(body, cap) : undefined;
      if (lowered === undefined) return undefined;
      body = lowered;
    }
    if (body === inference.body) return inference;
    const again = endpoint.read(body);
    return isAsked(again) ? { ...inference, body, asked: again } : undefined;
  }

  /** Sends under a permit, delivers what comes back, and settles. */
  async function carryOut(turn: Turn, granted: Granted, hosted: readonly Permit[]): Promise<void> {
    const { inference, permit, request } = granted;
    const name = upstreamName(inference.served.provider.name, inference.route.path);
    const upstream = options.upstreams.get(name);
    if (upstream === undefined) throw new TypeError('no upstream for the endpoint');
    if (turn.signal.aborted) {
      for (const one of [permit, ...hosted]) settle(one, 'refused', 0);
      return;
    }
    const sentAt = clock.monotonic();
    let isSent = false;
    const gone = new AbortController();
    const signal = AbortSignal.any([turn.signal, gone.signal]);
    let isReported = false;
    let delivered: Delivered | undefined;
    const ended = options.open.add(request, () => {
      respond(turn, errorOf(refuser.refuse('KILL_SWITCH', { request })), inference);
      gone.abort('stopped by the kill switch');
    });
    try {
      const reply = await upstream.forward(permit, 'POST', inference.forwarded, signal, () => {
        isSent = true;
      });
      delivered = await options.deliverer.deliver({
        inference,
        permit,
        reply,
        response: turn.response,
        cap: capOf(inference, permit),
        filter: options.filters.answer(permit),
        decide: (call) => options.decideCall(inference, call),
        release: async (brought, usage) => {
          const withheld = permit.decides_output ? await decideOutput(inference, brought.text) : undefined;
          if (withheld !== undefined) return withheld;
          const used = usage === undefined ? undefined : chargedFor(inference, usage);
          const isReleased = await report(permit, brought.value, sentAt, used);
          isReported = isReleased && permit.report !== undefined;
          return isReleased ? undefined : upstreamError('its answer could not be recorded');
        },
      });
    } catch (thrown) {
      if (!signal.aborted) options.log.warn({ [LOG_FIELD.error]: thrown }, 'Model provider could not be reached');
      respond(turn, upstreamError('it could not be reached'), inference);
    } finally {
      ended();
      const outcome = delivered?.outcome ?? 'upstream_failed';
      const duration = clock.monotonic() - sentAt;
      observer.carriedOut('llm_proxy', outcome);
      const usage = isSent ? usageOf(granted, delivered) : NOTHING_USED;
      // The report of a result is its settlement.
      if (!isReported) settle(permit, outcome, duration, usage);
      for (const one of hosted) settle(one, outcome, duration);
    }
  }

  /** Tokens at which a stream is cut off. */
  function capOf({ asked }: Inference, permit: Permit): number | undefined {
    return tokenCap(permit) ?? (config.estimate.enforced ? asked.maxTokens : undefined);
  }

  /** An answer is an attempt of its own where a policy reads it. */
  async function decideOutput(inference: Inference, text: string): Promise<ApiError | undefined> {
    const outcome = await guard(attempts.completion(inference, text));
    if (isRefusal(outcome)) return errorOf(outcome);
    settle(outcome, 'forwarded', 0);
    return undefined;
  }

  /** What is known of it; nothing when the estimate has to stand. */
  function usageOf({ inference, inputTokens }: Granted, delivered: Delivered | undefined): Settlement['usage'] {
    if (delivered === undefined) return undefined;
    if (delivered.isRejected) return NOTHING_USED;
    if (delivered.isCut) observer.streamCut();
    const { input, output } = delivered.usage;
    if (input !== undefined && output !== undefined && !delivered.isCut) {
      observer.tokensUsed({ input, output }, 'provider');
      return chargedFor(inference, { input, output });
    }
    const estimated = {
      input: input ?? inputTokens,
      output: Math.max(output ?? 0, Math.ceil(delivered.outputBytes / config.estimate.bytesPerToken)),
    };
    observer.tokensUsed(estimated, 'estimate');
    options.log.info('Provider reported no usage, so the estimate counts');
    // Of a stream that was cut here, the rest of what was reserved is free again.
    return delivered.isCut ? chargedFor(inference, estimated) : undefined;
  }

  function settle(
    permit: Permit,
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

  function invalid(message: string, httpStatus = 400): ApiError {
    return errorOf(refuser.refuse('REQUEST_INVALID', { message, httpStatus }));
  }

  function respond({ head, response }: Turn, error: ApiError, inference?: Inference): void {
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

/** Whether the request's own limit keeps to the decision's. What generates nothing does. */
function isWithin({ endpoint, asked }: Inference, cap: number): boolean {
  return endpoint.action !== 'chat' || (asked.maxTokens !== undefined && asked.maxTokens <= cap);
}

/** Without what would have the answer's words once more, token by token, where no filter can know them. */
function withoutTokens(body: JsonObject): JsonObject {
  const { logprobs, top_logprobs: top, include } = body;
  const kept = listOf(include)?.filter((one) => one !== 'message.output_text.logprobs');
  if (logprobs === undefined && top === undefined && kept?.length === listOf(include)?.length) return body;
  const { logprobs: _logprobs, top_logprobs: _top, ...rest } = body;
  return kept === undefined ? rest : { ...rest, include: kept };
}

/** Tokens, and what they cost where that is known. */
function chargedFor({ served: { price } }: Inference, { input, output }: Usage): NonNullable<Settlement['usage']> {
  const cost = price === undefined ? {} : { cost: (input * price.input + output * price.output) / MILLION };
  return { tokens: input + output, ...cost };
}

/** For messages: short, and escaped so that no control or bidi character reaches a terminal. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80)).replace(/[^\x20-\x7e]/gu, '?');
}
