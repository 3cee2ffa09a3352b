/** Bringing a peer's answer to the local agent: checked message by message, unbuffered, with back-pressure. */

import type { ServerResponse } from 'node:http';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { RelayOutcome } from '../exchange-outcome.js';
import { writeSlowly } from '../http/backpressure.js';
import { createSseReader, type SseEvent } from '../http/sse.js';
import type { UpstreamReply } from '../http/upstream.js';
import type { RpcId } from '../mcp/message.js';
import { type PeerAnswer, readPeerAnswer } from './answer.js';
import type { AnswerRedaction } from './redaction.js';
import type { Said, Voice } from './voice.js';

/** What is relayed for. */
export interface RelayTask {
  readonly reply: UpstreamReply;
  readonly response: ServerResponse;
  readonly id: RpcId;
  readonly voice: Voice;
  /** Whether an event stream is an answer to this request. */
  readonly streams: boolean;
  /** Whether nothing may be delivered before all of it was reported. */
  readonly isHeld: boolean;
  /** Where the answer has to be redacted before anybody has it. */
  readonly redaction: AnswerRedaction | undefined;
  /** Whether the agent may have what was brought; asked once, before it is delivered. Never rejects. */
  release(brought: Json): Promise<boolean>;
  /** Told of bytes that the peer sent, before anything is made of them. */
  received(bytes: number): void;
  /** Told of every result, before it is delivered. */
  learned(result: Json): void;
  /** The result that the agent gets instead. */
  replaced?(result: Json): Promise<Json>;
}

/** Limits of what a peer may say. */
export interface RelayLimits {
  readonly maxResponseBytes: number;
  readonly maxEventBytes: number;
  /** For bodies that are read whole. */
  readonly answerTimeoutMs: number;
}

/** Relays one answer. Rejects only if writing to the agent does. */
export type Relay = (task: RelayTask) => Promise<RelayOutcome>;

const WITHHELD = 'its answer could not be recorded';
const UNREDACTED = 'its answer could not be redacted';

/** Makes a relay. */
export function createRelay({ limits, log }: { readonly limits: RelayLimits; readonly log: Logger }): Relay {
  function fail(task: RelayTask, what: string): RelayOutcome {
    task.reply.body.destroy();
    log.warn({ [LOG_FIELD.reason]: what }, 'Answer of a peer was not delivered');
    say(task.response, task.voice.failure(task.id, what));
    return 'upstream_failed';
  }

  async function json(task: RelayTask): Promise<RelayOutcome> {
    const { reply, response, id } = task;
    const collected = await reply.collect({
      maxBytes: limits.maxResponseBytes,
      timeoutMs: limits.answerTimeoutMs,
    });
    if (collected.kind !== 'all') return fail(task, `its answer was ${collected.kind.replace('_', ' ')}`);
    task.received(collected.bytes.length);
    const read = readPeerAnswer(collected.bytes, id, limits.maxResponseBytes);
    if (typeof read === 'string') return fail(task, read);
    if (!read.isError && reply.status >= 400) return fail(task, `it answered with HTTP ${reply.status}`);
    const shown = await redacted(task, (redaction) => redaction.whole(messageOf(id, read)));
    if (shown === 'failed') return fail(task, UNREDACTED);
    const brings = shown === undefined ? read.brings : bringsOf(shown);
    if (!(await task.release(brings))) return fail(task, WITHHELD);
    const asSent = shown === undefined ? collected.bytes : undefined;
    const answer = task.voice.answer(shown ?? messageOf(id, read), asSent);
    if (read.isError) {
      say(response, answer);
      return 'upstream_failed';
    }
    task.learned(read.brings);
    if (task.replaced === undefined) say(response, answer);
    else say(response, task.voice.answer({ jsonrpc: '2.0', id, result: await task.replaced(brings) }));
    return 'forwarded';
  }

  async function stream(task: RelayTask): Promise<RelayOutcome> {
    const { reply, response, id } = task;
    const reader = createSseReader(limits);
    const held: { readonly raw: Buffer[]; readonly brought: Json[]; size: number } = { raw: [], brought: [], size: 0 };
    let delivered = 0;
    let failed = false;
    let trouble: string | undefined;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();

    async function handle(event: SseEvent): Promise<boolean> {
      if (event.data === undefined || event.data.length === 0) return task.isHeld || writeSlowly(response, event.raw);
      const read: PeerAnswer | string = KNOWN_EVENTS.has(event.type)
        ? readPeerAnswer(event.data, id, limits.maxEventBytes)
        : 'it sent an event of an unknown type';
      if (typeof read === 'string') {
        trouble = read;
        return false;
      }
      failed ||= read.isError;
      if (!read.isError) task.learned(read.brings);
      delivered += 1;
      const shown = await redacted(task, (redaction) => redaction.event(messageOf(id, read)));
      if (shown === undefined) return deliver(task.voice.event(messageOf(id, read), event.raw, true), read.brings);
      if (shown === 'failed') {
        trouble = UNREDACTED;
        return false;
      }
      return deliverAll(shown, event.raw);
    }

    async function deliver(raw: Buffer, brings: Json): Promise<boolean> {
      if (!task.isHeld) return writeSlowly(response, raw);
      held.raw.push(raw);
      held.brought.push(brings);
      held.size += raw.length;
      if (held.size > limits.maxResponseBytes) trouble = 'it said more than can be held until it is recorded';
      return trouble === undefined;
    }

    /** The last of them stands where the peer's own event was. */
    async function deliverAll(shown: readonly JsonObject[], raw?: Buffer): Promise<boolean> {
      for (const [at, message] of shown.entries()) {
        const own = at === shown.length - 1 ? raw : undefined;
        if (!(await deliver(task.voice.event(message, own, false), bringsOf(message)))) return false;
      }
      return true;
    }

    try {
      read: for await (const chunk of reply.body) {
        task.received((chunk as Buffer).length);
        for (const event of reader.push(chunk as Buffer)) {
          if (!(await handle(event))) break read;
        }
      }
      if (reader.pending > 0) trouble ??= 'its stream ended within an event';
      const rest = trouble === undefined ? await redacted(task, (redaction) => redaction.rest()) : undefined;
      if (rest === 'failed') trouble = UNREDACTED;
      else if (rest !== undefined) await deliverAll(rest);
    } catch (thrown) {
      trouble = thrown instanceof RangeError ? thrown.message : 'its stream broke off';
    }
    reply.body.destroy();
    if (task.isHeld && trouble === undefined && delivered > 0) {
      if (await task.release(held.brought)) await writeSlowly(response, Buffer.concat(held.raw));
      else trouble = WITHHELD;
    }
    if (delivered === 0) trouble ??= 'its stream ended without an answer';
    if (!response.destroyed) {
      if (trouble !== undefined) {
        log.warn({ [LOG_FIELD.reason]: trouble }, 'Stream of a peer was ended');
        response.write(task.voice.failureEvent(id, trouble));
      }
      response.end();
    }
    return trouble === undefined && !failed ? 'forwarded' : 'upstream_failed';
  }

  /** Nothing where nothing is to be redacted. */
  async function redacted<T>(
    { redaction }: RelayTask,
    redact: (redaction: AnswerRedaction) => Promise<T>,
  ): Promise<T | 'failed' | undefined> {
    if (redaction === undefined) return undefined;
    try {
      return await redact(redaction);
    } catch (thrown) {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Answer of a peer could not be redacted');
      return 'failed';
    }
  }

  return async (task) => {
    const { reply } = task;
    // The credentials are ours, so is the trouble with them; a challenge would send the agent to a stranger's login.
    if (reply.status === 401 || reply.status === 407)
      return fail(task, "it does not accept this sidecar's credentials");
    if (reply.status >= 300 && reply.status < 400) return fail(task, 'it redirects');
    if ((reply.headers.get('content-encoding') ?? 'identity') !== 'identity')
      return fail(task, 'its answer is compressed');
    const type = (reply.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (JSON_TYPES.has(type)) return json(task);
    if (reply.status >= 400) return fail(task, `it answered with HTTP ${reply.status}`);
    if (type !== 'text/event-stream') return fail(task, 'its answer is neither JSON nor an event stream');
    return task.streams ? stream(task) : fail(task, 'it streams where nothing is to be streamed');
  };
}

function messageOf(id: RpcId, { isError, brings }: PeerAnswer): JsonObject {
  return { jsonrpc: '2.0', id, [isError ? 'error' : 'result']: brings };
}

function bringsOf({ result, error }: JsonObject): Json {
  return result ?? error ?? null;
}

const JSON_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/a2a+json']);
/** The official server sends failures as `error`. */
const KNOWN_EVENTS: ReadonlySet<string> = new Set(['', 'message', 'error']);

/** Answers, if nobody has. */
export function say(response: ServerResponse, { status, text }: Said): void {
  if (response.destroyed || response.headersSent) return;
  const length = text === undefined ? 0 : Buffer.byteLength(text);
  const headers = status === 204 ? {} : { 'content-type': 'application/json', 'content-length': length };
  response.writeHead(status, headers);
  response.end(text);
}
