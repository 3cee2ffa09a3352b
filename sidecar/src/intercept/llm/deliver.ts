/** Bringing a provider's answer to the agent: read, decided, reported; streams flow unless something has to be known first. */

import type { ServerResponse } from 'node:http';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger, parseStrictJson } from '@portcullis/runtime';
import type { UsedPermit } from '../../enforce/permit.js';
import { NerFailure } from '../../redact/ner/port.js';
import { writeSlowly } from '../http/backpressure.js';
import type { SseEvent } from '../http/sse.js';
import type { UpstreamReply } from '../http/upstream.js';
import { isName, mapFrame, readableEvent, withoutProbabilities } from './answer-frame.js';
import type { Underway } from './attempts.js';
import { AnswerRefused } from './calls.js';
import type { LlmConfig } from './config.js';
import { mapTexts } from './content.js';
import { type AnswerFilter, lookFirst } from './content-filters.js';
import { type ProposedCall, StreamFault, type StreamReader, type Usage } from './endpoint.js';
import { type ApiError, errorBody, errorEvent, errorHeaders, errorOf, upstreamError } from './errors.js';
import { isObject } from './json-values.js';
import { bareFrame } from './known-members.js';
import { errorOfProvider, errorOfStatus, mediaType, passedHeaders, unusable } from './provider-reply.js';
import { createReadAhead } from './read-ahead.js';
import { createSaid, type Said } from './said.js';
import { pump } from './stream-pump.js';

/** One answer to bring. */
export interface Delivery {
  readonly inference: Underway;
  readonly permit: UsedPermit;
  readonly reply: UpstreamReply;
  readonly response: ServerResponse;
  readonly filter: AnswerFilter;
  /** Tokens at which a stream is cut off. */
  readonly cap: number | undefined;
  /** Decides a call; see `calls.ts`. */
  decide(call: ProposedCall): Promise<string | undefined>;
  /**
   * Whether the agent may have the answer: what policies and sessions have to know of it is told first. An error says why not.
   */
  release(
    brought: { readonly text: string; readonly value: Json },
    usage: Usage | undefined,
  ): Promise<ApiError | undefined>;
}

/** What became of it. */
export interface Delivered {
  readonly outcome: 'forwarded' | 'upstream_failed';
  /** As the provider counted it, as far as it did. */
  readonly usage: Partial<Usage>;
  /** Bytes of what the model said, as they came. */
  readonly outputBytes: number;
  /** Whether it was ended here, because its budget was. */
  readonly isCut: boolean;
  /** Whether the provider has said its last word, so that what it counted is all. */
  readonly isEnded: boolean;
  /** Whether the provider refused the request, so that it has used nothing. */
  readonly isRejected: boolean;
}

/** Brings answers. Neither rejects unless a defect does. */
export interface Deliverer {
  deliver(delivery: Delivery): Promise<Delivered>;
}

/** No tokenizer in use has longer tokens on average, so a text of more bytes has more tokens than its limit. */
const MAX_BYTES_PER_TOKEN = 8;

const KEEP_ALIVE = Buffer.from(': waiting\n\n');

/** Calls that one answer may propose: each is a question. */
const MAX_CALLS = 256;

/** What a policy names in the arguments of such a call, nobody here could find. */
const NO_FIELDS = 'it proposes a call of a kind in which no fields are known';

/** Makes it. */
export function createDeliverer({
  limits,
  log,
}: {
  readonly limits: LlmConfig['limits'];
  readonly log: Logger;
}): Deliverer {
  const failed: Delivered = {
    outcome: 'upstream_failed',
    usage: {},
    outputBytes: 0,
    isCut: false,
    isEnded: false,
    isRejected: false,
  };

  function fail(delivery: Delivery, error: ApiError, known: Partial<Delivered> = {}): Delivered {
    log.warn({ [LOG_FIELD.reason]: error.message }, 'Model answer was not delivered');
    delivery.reply.body.on('error', () => undefined).destroy();
    sendError(delivery, error);
    return { ...failed, ...known };
  }

  async function whole(delivery: Delivery): Promise<Delivered> {
    const { inference, reply, response } = delivery;
    const collected = await reply.collect({
      maxBytes: limits.maxResponseBytes,
      timeoutMs: limits.answerTimeoutMs,
    });
    if (collected.kind !== 'all')
      return fail(delivery, upstreamError(`its answer was ${collected.kind.replace('_', ' ')}`));
    const read = parseStrictJson(collected.bytes, { maxBytes: limits.maxResponseBytes, maxKeys: 1_000_000 });
    if (!read.ok || !isObject(read.value)) return fail(delivery, upstreamError('its answer is not strict JSON'));
    // Decided is what the agent gets.
    const { said } = inference.endpoint;
    const isDecided = delivery.permit.decides_output;
    const isLooked = delivery.filter.isActive || isDecided;
    const certain = isLooked ? withoutProbabilities(read.value) : read.value;
    const bare = isDecided ? bareFrame(certain, said, { repeats: false }) : certain;
    const { filter } = delivery;
    await lookFirst(filter, (collect) => {
      mapFrame(bare, said, collect);
      mapTexts(bare[said] ?? null, collect, filter.readsInputs);
    });
    const around: string[] = [];
    const look = (text: string, name: string): string => {
      const passed = filter.whole(text, name);
      if (!isName(passed, name)) around.push(passed);
      return passed;
    };
    const framed = isLooked ? mapFrame(bare, said, look) : bare;
    const came = framed[said] ?? null;
    const given = mapTexts(came, filter.whole, filter.readsInputs);
    const changed = given === came ? framed : { ...framed, [said]: given };
    const answer = inference.endpoint.answer(changed);
    if (answer === undefined) return fail(delivery, upstreamError('its answer is not one of its API'));
    const usage = answer.usage;
    const counted = { usage: usage ?? {}, outputBytes: Buffer.byteLength(answer.text), isEnded: true };
    const refused = new Map<ProposedCall, string>();
    if (answer.calls.length > MAX_CALLS) return fail(delivery, upstreamError('it proposes too many calls'), counted);
    if (filter.readsInputs === true && answer.calls.some(({ isOfOtherKind }) => isOfOtherKind))
      return fail(delivery, upstreamError(NO_FIELDS), counted);
    for (const call of answer.calls) {
      const notice = await delivery.decide(call);
      if (notice !== undefined) refused.set(call, notice);
    }
    const value = refused.size === 0 ? changed : answer.replaced(refused);
    const text = [answer.text, ...around].filter((one) => one !== '').join('\n');
    const withheld = await delivery.release({ text, value }, usage);
    if (withheld !== undefined) {
      sendError(delivery, withheld);
      return { ...failed, outcome: 'forwarded', ...counted };
    }
    const bytes = value === read.value ? collected.bytes : Buffer.from(JSON.stringify(value));
    sendJson(response, reply.status, bytes, passedHeaders(reply));
    return { ...failed, outcome: 'forwarded', ...counted };
  }

  async function streamed(delivery: Delivery, reader: StreamReader, said: Said): Promise<Delivered> {
    const { permit, reply, response, inference, cap, filter } = delivery;
    // Nobody has the first words of an answer that the last word may forbid.
    const isHeld = permit.decides_output || permit.report !== undefined;
    const waiting: Buffer[] = [];
    const isLooked = filter.isActive || permit.decides_output;
    const look = (text: string, name: string): string => {
      const passed = filter.whole(text, name);
      return isName(passed, name) ? passed : said.keepWhole(passed);
    };
    const reading = { said: inference.endpoint.said, change: look, repeats: !permit.decides_output };
    let isCut = false;
    const send = async (parts: readonly Buffer[]): Promise<boolean> => {
      if (parts.length === 0) return true;
      if (!response.headersSent && !response.destroyed) response.writeHead(reply.status, streamHeaders(reply));
      return writeSlowly(response, parts.length === 1 ? (parts[0] ?? '') : Buffer.concat(parts));
    };
    const pass = async (parts: readonly Buffer[]): Promise<boolean> => {
      if (!isHeld) return send(parts);
      waiting.push(...parts);
      return !response.destroyed;
    };
    const { look: lookFor } = filter;
    const ahead =
      lookFor === undefined
        ? undefined
        : createReadAhead(inference, {
            look: lookFor,
            repeats: reading.repeats,
            readsInputs: filter.readsInputs === true,
          });
    const take = async (event: SseEvent): Promise<'more' | 'enough' | 'stop'> => {
      // What keeps a connection open says nothing; in words of ours, because nobody has read the provider's.
      if (event.data === undefined && !isHeld) return (await send([KEEP_ALIVE])) ? 'more' : 'stop';
      const parts = await reader.push(isLooked ? readableEvent(event, reading) : event);
      isCut = cap !== undefined && !reader.ended && said.bytes > cap * MAX_BYTES_PER_TOKEN;
      const isRead = await pass(isCut ? [...parts, ...reader.cut()] : parts);
      if (!isRead || isCut) return 'stop';
      return reader.ended ? 'enough' : 'more';
    };
    const trouble = await pump(reply.body, limits, take, ahead);
    const { input, output } = reader.usage;
    const counted = { usage: reader.usage, outputBytes: said.bytes, isCut, isEnded: reader.ended && !isCut };
    if (isCut) reply.body.destroy();
    if (response.destroyed) return { ...failed, ...counted };
    if (trouble !== undefined || !reader.ended)
      return fail(delivery, upstreamError(`its stream was ${trouble ?? 'broken off'}`), counted);
    const usage = input === undefined || output === undefined ? undefined : { input, output };
    const withheld = isHeld ? await delivery.release({ text: said.text(), value: said.text() }, usage) : undefined;
    if (withheld !== undefined) {
      sendError(delivery, withheld);
      return { ...failed, outcome: 'forwarded', ...counted };
    }
    await send(waiting);
    if (!response.headersSent) response.writeHead(reply.status, streamHeaders(reply));
    response.end();
    if (isCut)
      log.info({ [LOG_FIELD.reason]: inference.endpoint.operation }, 'Stream was cut off at its limit of tokens');
    return { ...failed, outcome: 'forwarded', ...counted };
  }

  async function stream(delivery: Delivery): Promise<Delivered> {
    const { inference, permit, filter } = delivery;
    let calls = 0;
    const said = createSaid(permit.decides_output || permit.report !== undefined);
    const reader = inference.endpoint.stream?.({
      wantsUsage: inference.wantsUsage,
      tools: {
        // What is decided as a whole has to be read as a whole.
        isActive: filter.isActive || permit.decides_output,
        readsInputs: filter.readsInputs === true,
        async decide(call) {
          calls += 1;
          if (calls > MAX_CALLS) throw new StreamFault('it proposes too many calls');
          if (filter.readsInputs === true && call.isOfOtherKind === true) throw new StreamFault(NO_FIELDS);
          said.count(typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments));
          return delivery.decide(call);
        },
        say(channel, text) {
          said.count(text);
          return said.keep(channel, filter.say(channel, text));
        },
        rest: (channel) => said.keep(channel, filter.rest(channel)),
        whole: (text, name) => said.keepWhole(filter.whole(text, name)),
        ofCall: filter.whole,
        beside: (text) => void said.keepWhole(text),
      },
    });
    if (reader === undefined) return fail(delivery, upstreamError('it streams an answer that is none'));
    try {
      return await streamed(delivery, reader, said);
    } catch (thrown) {
      if (!(thrown instanceof StreamFault)) throw thrown;
      return fail(delivery, upstreamError(`its stream is not one of its API: ${thrown.message}`), {
        usage: reader.usage,
        outputBytes: said.bytes,
      });
    }
  }

  async function deliver(delivery: Delivery): Promise<Delivered> {
    const { inference, reply, response } = delivery;
    const trouble = unusable(reply);
    if (trouble !== undefined)
      return fail(delivery, trouble, { isRejected: reply.status === 401 || reply.status === 403 });
    if (reply.status >= 400) {
      const error = await errorOfProvider(reply, limits.bodyTimeoutMs);
      // Nobody asks about an error, and nobody reports one: its words do not pass where an answer's would not unasked.
      const isKept = delivery.permit.decides_output || delivery.permit.report !== undefined;
      // Overloaded ones have not begun either.
      const isRejected = reply.status < 500 || reply.status === 503 || reply.status === 529;
      if (isApiError(error)) return fail(delivery, error, { isRejected });
      if (isKept) return fail(delivery, errorOfStatus(reply.status), { isRejected });
      // Its own words, its own status; its client knows what to do with them.
      const { filter } = delivery;
      await lookFirst(filter, (collect) => mapTexts(error, collect));
      const shown = JSON.stringify(mapTexts(error, filter.whole));
      sendJson(response, reply.status, Buffer.from(shown), passedHeaders(reply));
      return { ...failed, isRejected };
    }
    if (inference.asked.stream) {
      if (mediaType(reply) === 'text/event-stream') return stream(delivery);
      return fail(delivery, upstreamError('its answer is no event stream'));
    }
    if (mediaType(reply) === 'application/json') return whole(delivery);
    return fail(delivery, upstreamError('its answer is not JSON'));
  }

  return {
    async deliver(delivery) {
      try {
        return await deliver(delivery);
      } catch (thrown) {
        if (thrown instanceof NerFailure)
          return fail(delivery, upstreamError('its answer could not be searched for names'));
        if (!(thrown instanceof AnswerRefused)) throw thrown;
        delivery.reply.body.on('error', () => undefined).destroy();
        sendError(delivery, errorOf(thrown.refusal));
        return { ...failed, outcome: 'forwarded' };
      }
    },
  };
}

function streamHeaders(reply: UpstreamReply): Record<string, string> {
  return { ...passedHeaders(reply), 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
}

function sendError({ inference, response }: Pick<Delivery, 'inference' | 'response'>, error: ApiError): void {
  const { api, operation } = inference.endpoint;
  if (response.destroyed || response.writableEnded) return;
  if (response.headersSent) {
    response.end(errorEvent(api, operation, error));
    return;
  }
  sendJson(response, error.status, Buffer.from(JSON.stringify(errorBody(api, error))), errorHeaders(error));
}

/** Sends JSON, unless something was sent before. */
export function sendJson(
  response: ServerResponse,
  status: number,
  bytes: Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}

function isApiError(error: JsonObject | ApiError): error is ApiError {
  return 'retry' in error && typeof error.retry === 'boolean' && 'status' in error && typeof error.status === 'number';
}
