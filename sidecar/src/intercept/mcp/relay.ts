/** Bringing an upstream's answer to the agent: checked message by message, unbuffered, with back-pressure. */

import type { ServerResponse } from 'node:http';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { RelayOutcome } from '../exchange-outcome.js';
import { writeSlowly } from '../http/backpressure.js';
import { discard } from '../http/body.js';
import { answerJson, beginEvents, sseEvent } from '../http/late-answer.js';
import { createSseReader, type SseEvent, withData } from '../http/sse.js';
import type { UpstreamReply } from '../http/upstream.js';
import { broughtBy, type Declined, type Expectation, type Inspector, upstreamError } from './inspect.js';
import { isObject, type RpcId } from './message.js';
import { refusalError } from './to-response.js';
import type { Turn } from './turn.js';

/** What is relayed for. */
export interface RelayTask {
  readonly reply: UpstreamReply;
  readonly response: ServerResponse;
  /** The request that is being answered; absent for notifications, answers and GET streams. */
  readonly requestId: RpcId | undefined;
  readonly expected: Expectation;
  /** Tells the server that its request was refused. Never rejects. */
  decline(declined: Declined): void;
  /** Whether the agent may have what answers its request; asked before it is delivered. Never rejects. */
  release(brought: Json): Promise<boolean>;
  /** Told of bytes that the server sent, before anything is made of them. */
  received(bytes: number): void;
  /** What of a message of the server may be shown: the same bytes, or fewer elements of a list. Rejects when that is not known. */
  readonly shown?: ((message: Buffer) => Promise<Buffer>) | undefined;
  /** A message of the server with the ids that the agent knows; nothing: it is not for the agent. Its stream cannot be resumed. */
  readonly readdressed?: Turn['readdressed'] | undefined;
  /** Whether the response has begun as a stream that others write to, too, and is not ended with this one. */
  readonly isShared?: boolean;
  /** A message of the server as the agent may have it; every one of them where it is absent. @throws Error when it may not have it */
  readonly redact?: ((message: Buffer) => Promise<Buffer>) | undefined;
  /** Told when a response was delivered to the agent. */
  answered(id: RpcId): void;
  /** Told when the stream ended without an answer, at a point from which it can be resumed. */
  brokeOff(): void;
}

/** Limits of what a server may say. */
export interface RelayLimits {
  readonly maxResponseBytes: number;
  readonly maxEventBytes: number;
  /** For bodies that are read whole. */
  readonly responseTimeoutMs: number;
}

/** A server answered a request of our own with an error. */
export class ServerErrored extends Error {
  /** JSON-RPC's. */
  readonly code: unknown;

  constructor(code: unknown) {
    super('the server answered with an error');
    this.code = code;
  }
}

const WITHHELD = 'its answer could not be recorded';
const UNFILTERED = 'its list of tools could not be checked';
const UNREDACTED = 'its answer could not be redacted';

/** What passes from server to agent. */
const PASS = ['mcp-session-id', 'mcp-protocol-version', 'x-accel-buffering', 'retry-after', 'allow'] as const;

/** Relays answers. Neither method rejects, unless writing to the agent does. */
export interface Relay {
  /** Answers of any kind to a request, or to a GET. */
  answer(task: RelayTask): Promise<RelayOutcome>;
  /** A stream of what a server says unasked, into a response that has begun as a stream and goes on after it. */
  shared(task: Omit<RelayTask, 'isShared'>): Promise<RelayOutcome>;
  /** Answers that carry nothing but a status: to notifications, client answers and DELETE. */
  status(task: RelayTask): Promise<RelayOutcome>;
  /**
   * The result that answers a request of our own. Rejects when there is none; what else comes is not read.
   * @param received told of bytes that the server sent
   */
  result(reply: UpstreamReply, id: RpcId, received: (bytes: number) => void): Promise<JsonObject>;
}

/** Makes a relay. */
export function createRelay(options: {
  readonly inspector: Inspector;
  readonly limits: RelayLimits;
  readonly log: Logger;
}): Relay {
  const { inspector, limits, log } = options;

  function fail(task: RelayTask, what: string, status = 200): RelayOutcome {
    task.reply.body.destroy();
    log.warn({ [LOG_FIELD.reason]: what }, 'Upstream answer was not delivered');
    sendJson(task, status, Buffer.from(upstreamError(task.requestId, what)));
    return 'upstream_failed';
  }

  async function json(task: RelayTask): Promise<RelayOutcome> {
    const { reply, requestId } = task;
    const collected = await reply.collect({
      maxBytes: limits.maxResponseBytes,
      timeoutMs: limits.responseTimeoutMs,
    });
    if (collected.kind !== 'all')
      return fail(task, `its answer was ${collected.kind.replace('_', ' ')}`, failedStatus(reply));
    task.received(collected.bytes.length);
    const shown = task.shown === undefined ? collected.bytes : await shownOf(task, collected.bytes);
    if (shown === undefined) return fail(task, UNFILTERED);
    const bytes = task.redact === undefined ? shown : await redacted(task, shown);
    if (bytes === undefined) return fail(task, UNREDACTED);
    const finding = await inspector.inspect(bytes, {
      ...task.expected,
      // A refusal by status may lack the id: it could be about a message that the server did not read.
      expects: (id) => id === requestId,
    });
    if (finding.verdict === 'pass' && finding.answers !== undefined) {
      if (!(await task.release(finding.brings ?? null))) return fail(task, WITHHELD);
      sendJson(task, reply.status, bytes);
      task.answered(finding.answers);
      return 'forwarded';
    }
    if (finding.verdict === 'replace') {
      sendJson(task, reply.status, Buffer.from(finding.instead));
      task.answered(finding.answers);
      return 'forwarded';
    }
    return fail(task, finding.verdict === 'pass' ? 'its answer is none' : finding.reason, failedStatus(reply));
  }

  /** A 4xx or 5xx: the status is the message; the body passes if it is a JSON-RPC error about this request or none. */
  async function error(task: RelayTask): Promise<RelayOutcome> {
    const { reply, requestId } = task;
    if (isJson(reply)) {
      const limit = { maxBytes: limits.maxResponseBytes, timeoutMs: limits.responseTimeoutMs };
      const collected = await reply.collect(limit);
      task.received(collected.kind === 'all' ? collected.bytes.length : 0);
      const bytes = await redacted(task, collected.kind === 'all' ? collected.bytes : Buffer.alloc(0));
      if (bytes === undefined) return fail(task, UNREDACTED, reply.status);
      const brought = acceptedError(bytes, requestId);
      const refusal = brought === undefined ? undefined : await inspector.errorRefusal(brought, task.expected.seen);
      if (refusal !== undefined) {
        sendJson(task, reply.status, Buffer.from(refusalError(requestId, refusal)));
        return 'upstream_failed';
      }
      if (brought !== undefined) {
        if (requestId !== undefined && !(await task.release(brought))) return fail(task, WITHHELD, reply.status);
        sendJson(task, reply.status, bytes);
        return 'upstream_failed';
      }
    }
    return fail(task, `it answered with HTTP ${reply.status}`, reply.status);
  }

  async function stream(task: RelayTask): Promise<RelayOutcome> {
    const { reply, response, requestId } = task;
    const reader = createSseReader(limits);
    let done = requestId === undefined;
    let resumable = false;
    let trouble: string | undefined;
    if (task.isShared !== true) beginEvents(response, reply.status, passed(task));

    async function handle(event: SseEvent): Promise<boolean> {
      const { readdressed } = task;
      resumable ||= event.hasId && readdressed === undefined;
      if (event.data === undefined || event.data.length === 0)
        return readdressed === undefined ? writeSlowly(response, event.raw) : true;
      // Both SDKs ignore other types, and the old transport's `endpoint` would lead the agent around us.
      if (event.type !== '' && event.type !== 'message') return true;
      const addressed = readdressed === undefined ? event.data : await readdressed(event.data);
      if (addressed === undefined) return true;
      const shown = await shownOf(task, addressed);
      if (shown === undefined) {
        trouble = UNFILTERED;
        return false;
      }
      const data = await redacted(task, shown);
      if (data === undefined) {
        trouble = UNREDACTED;
        return false;
      }
      const changed = (): Buffer => (readdressed === undefined ? withData(event.raw, data) : sseEvent(data));
      const raw = data === event.data && readdressed === undefined ? event.raw : changed();
      const finding = await inspector.inspect(data, task.expected);
      switch (finding.verdict) {
        case 'pass':
          if (finding.answers !== undefined) {
            if (finding.answers === requestId && !(await task.release(finding.brings ?? null))) {
              trouble = WITHHELD;
              return false;
            }
            done ||= finding.answers === requestId;
            task.answered(finding.answers);
          }
          return writeSlowly(response, raw);
        case 'replace':
          done ||= finding.answers === requestId;
          task.answered(finding.answers);
          return writeSlowly(response, sseEvent(finding.instead));
        case 'drop':
          log.warn({ [LOG_FIELD.reason]: finding.reason }, 'Server message was not delivered');
          if (finding.decline !== undefined) task.decline(finding.decline);
          return true;
        case 'stop':
          trouble = finding.reason;
          return false;
      }
    }

    try {
      read: for await (const chunk of reply.body) {
        task.received((chunk as Buffer).length);
        for (const event of reader.push(chunk as Buffer)) {
          if (!(await handle(event))) break read;
        }
      }
    } catch (thrown) {
      trouble = thrown instanceof RangeError ? thrown.message : 'its stream broke off';
    }
    reply.body.destroy();
    if (!done && resumable) task.brokeOff();
    if (response.destroyed) return done ? 'forwarded' : 'upstream_failed';
    if (trouble !== undefined) log.warn({ [LOG_FIELD.reason]: trouble }, 'Upstream stream was ended');
    // Without an event to resume from, the agent would wait for ever for an answer that cannot come.
    if (!done && requestId !== undefined && (trouble !== undefined || !resumable)) {
      response.write(sseEvent(upstreamError(requestId, trouble ?? 'its stream ended without an answer')));
    }
    if (task.isShared !== true) response.end();
    return done ? 'forwarded' : 'upstream_failed';
  }

  /** Nothing where the message is another one. */
  function resultIn(bytes: Uint8Array, id: RpcId): JsonObject | undefined {
    const read = inspector.read(bytes);
    if (read?.kind !== 'response' || read.id !== id) return undefined;
    if (read.result === undefined) throw errored(read.value);
    return read.result;
  }

  async function ownResult(reply: UpstreamReply, id: RpcId, received: RelayTask['received']): Promise<JsonObject> {
    if (reply.status !== 200 && !(reply.status >= 400 && isJson(reply)))
      throw new Error(`the server answered with HTTP ${reply.status}`);
    if ((reply.headers.get('content-encoding') ?? 'identity') !== 'identity') throw new Error('compressed');
    if (isEventStream(reply)) {
      const reader = createSseReader(limits);
      for await (const chunk of reply.body) {
        received((chunk as Buffer).length);
        for (const { data } of reader.push(chunk as Buffer)) {
          const result = data === undefined ? undefined : resultIn(data, id);
          if (result !== undefined) return result;
        }
      }
      throw new Error('the stream ended without an answer');
    }
    const limit = { maxBytes: limits.maxResponseBytes, timeoutMs: limits.responseTimeoutMs };
    const collected = await reply.collect(limit);
    received(collected.kind === 'all' ? collected.bytes.length : 0);
    const result = collected.kind === 'all' && isJson(reply) ? resultIn(collected.bytes, id) : undefined;
    if (reply.status !== 200) throw new Error(`the server answered with HTTP ${reply.status}`);
    if (result === undefined) throw new Error('the answer is none');
    return result;
  }

  return {
    async result(reply, id, received) {
      try {
        return await ownResult(reply, id, received);
      } finally {
        reply.body.destroy();
      }
    },
    async answer(task) {
      const { reply } = task;
      const encoding = reply.headers.get('content-encoding') ?? 'identity';
      // The credentials are ours, so is the trouble with them; a challenge would send the agent to a stranger's login.
      if (reply.status === 401 || reply.status === 407)
        return fail(task, "it does not accept this sidecar's credentials");
      if (reply.status >= 300 && reply.status < 400) return fail(task, 'it redirects');
      if (encoding !== 'identity') return fail(task, 'its answer is compressed');
      if (reply.status >= 400) return error(task);
      if (isEventStream(reply)) return stream(task);
      if (task.requestId === undefined) return fail(task, 'its answer is not an event stream', 502);
      return isJson(reply) ? json(task) : fail(task, 'its answer is neither JSON nor an event stream');
    },
    async shared(task) {
      const { reply } = task;
      const encoding = reply.headers.get('content-encoding') ?? 'identity';
      if (reply.status === 200 && encoding === 'identity' && isEventStream(reply))
        return stream({ ...task, isShared: true });
      reply.body.on('error', () => undefined).destroy();
      return 'upstream_failed';
    },
    async status(task) {
      const { reply, response } = task;
      if (reply.status === 401 || (reply.status >= 300 && reply.status < 400)) return fail(task, 'it refuses us', 502);
      if (reply.status >= 400) return error(task);
      discard(reply.body);
      response.writeHead(reply.status, passed(task)).end();
      return 'forwarded';
    },
  };

  /** Nothing when it may not be delivered. */
  async function shownOf(task: RelayTask, bytes: Buffer): Promise<Buffer | undefined> {
    if (task.shown === undefined) return bytes;
    try {
      return await task.shown(bytes);
    } catch (thrown) {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Upstream list could not be checked');
      return undefined;
    }
  }

  /** Nothing when it may not be delivered. The same bytes when nothing was found. */
  async function redacted(task: RelayTask, bytes: Buffer): Promise<Buffer | undefined> {
    if (task.redact === undefined) return bytes;
    try {
      return await task.redact(bytes);
    } catch (thrown) {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Upstream answer could not be redacted');
      return undefined;
    }
  }

  /** What a JSON-RPC error about this request, or about none, brings. */
  function acceptedError(bytes: Uint8Array, requestId: RpcId | undefined): Json | undefined {
    const read = inspector.read(bytes);
    if (read?.kind !== 'response' || read.result !== undefined) return undefined;
    return read.id === undefined || read.id === requestId ? broughtBy(read) : undefined;
  }
}

function errored({ error }: JsonObject): ServerErrored {
  return new ServerErrored(isObject(error) ? error['code'] : undefined);
}

function sendJson(task: RelayTask, status: number, bytes: Buffer): void {
  answerJson(task.response, status, bytes, passed(task));
}

function passed({ reply, readdressed }: RelayTask): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of PASS) {
    // Where ids are not the server's, the session is not either.
    if (readdressed !== undefined && name.startsWith('mcp-')) continue;
    const value = reply.headers.get(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function failedStatus(reply: UpstreamReply): number {
  return reply.status >= 400 ? reply.status : 200;
}

function mediaType(reply: UpstreamReply): string {
  return (reply.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function isJson(reply: UpstreamReply): boolean {
  return mediaType(reply) === 'application/json';
}

function isEventStream(reply: UpstreamReply): boolean {
  return mediaType(reply) === 'text/event-stream';
}
