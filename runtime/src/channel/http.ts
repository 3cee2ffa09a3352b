import { type Dispatcher, request } from 'undici';
import { PortcullisError } from '../errors/portcullis-error.js';
import { parseStrictJson } from '../json/parse.js';
import { channelFault, ended, oversize, unacceptable } from './faults.js';
import { requireKey, requireSubject } from './key.js';
import type { ChannelReader } from './port.js';
import { MAX_ANSWER_BYTES, requireAddress } from './shipments.js';

/** The server answers a watch within 25 s; after this the connection is taken for dead. */
const WATCH_TIMEOUT_MS = 30_000;
/** No other answer may take longer than this between two bytes. */
const STALL_TIMEOUT_MS = 10_000;
/** A watch's answer is one small object. */
const MAX_WATCH_BYTES = 4096;

/** Options of {@link createHttpChannelReader}. */
export interface HttpChannelOptions {
  /** `https://host:port`, without a trailing path. */
  readonly baseUrl: string;
  /** Made by `undiciDispatcher`; closed with the reader only when `ownsDispatcher`. */
  readonly dispatcher: Dispatcher;
  readonly ownsDispatcher?: boolean;
}

type Answer = Dispatcher.ResponseData;

/** Ends an answer unread. The body says so with an error, and an error that nobody listens for would end the process. */
function hangUp(answer: Answer): void {
  answer.body.on('error', () => undefined).destroy();
}

async function readCapped(answer: Answer, key: string, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(answer.headers['content-length'] ?? 0);
  if (declared > maxBytes) {
    hangUp(answer);
    throw oversize(key, maxBytes);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Leaving the loop destroys the body, so nothing beyond the cap is ever held.
    if (length > maxBytes) throw oversize(key, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

async function refuseStatus(answer: Answer): Promise<never> {
  hangUp(answer);
  const rejected = answer.statusCode === 401 || answer.statusCode === 403;
  throw new PortcullisError(
    'ERR_CHANNEL_UNAVAILABLE',
    rejected ? 'unauthenticated' : 'unavailable',
    rejected ? 'channel server refuses this identity' : 'channel server answers with an unexpected status',
    { details: { status: answer.statusCode } },
  );
}

/** Reads a distributor's channel over HTTPS, by long polling. Redirects are not followed. */
export function createHttpChannelReader(options: HttpChannelOptions): ChannelReader {
  const { dispatcher } = options;
  const base = `${options.baseUrl.replace(/\/+$/, '')}/v1/channel`;
  const closed = new AbortController();

  const call = async (
    path: string,
    signal: AbortSignal,
    more: { readonly method?: 'POST'; readonly body?: Uint8Array; readonly timeoutMs?: number } = {},
  ): Promise<Answer> => {
    const timeout = more.timeoutMs ?? STALL_TIMEOUT_MS;
    return await request(`${base}${path}`, {
      dispatcher,
      method: more.method ?? 'GET',
      headers: {
        'accept-encoding': 'identity',
        ...(more.body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
      },
      ...(more.body === undefined ? {} : { body: more.body }),
      signal: AbortSignal.any([signal, closed.signal]),
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
  };

  const nextCursor = async (after: string | undefined, signal: AbortSignal): Promise<string> => {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
    const answer = await call(`/watch${query}`, signal, { timeoutMs: WATCH_TIMEOUT_MS });
    if (answer.statusCode !== 200) return refuseStatus(answer);
    const parsed = parseStrictJson(await readCapped(answer, 'watch', MAX_WATCH_BYTES));
    const cursor: unknown =
      parsed.ok && typeof parsed.value === 'object' ? Reflect.get(parsed.value ?? {}, 'cursor') : undefined;
    if (typeof cursor === 'string') return cursor;
    if (typeof cursor === 'number') return String(cursor);
    throw new PortcullisError('ERR_CHANNEL_ANSWER', 'corrupt', 'watch answer has no cursor');
  };

  async function* watch(signal: AbortSignal): AsyncGenerator<void> {
    let cursor: string | undefined;
    while (!signal.aborted && !closed.signal.aborted) {
      let next: string;
      try {
        next = await nextCursor(cursor, signal);
      } catch {
        // The end of the iteration is the whole news; the caller's poll will meet the fault itself.
        return;
      }
      if (next !== cursor) {
        cursor = next;
        yield;
      }
    }
  }

  return {
    transport: 'http',
    async get(key, { maxBytes, signal }) {
      requireKey(key);
      if (signal.aborted) throw ended(signal);
      try {
        const answer = await call(`/objects/${key}`, signal);
        if (answer.statusCode === 404) {
          await answer.body.dump({ limit: MAX_WATCH_BYTES });
          return undefined;
        }
        if (answer.statusCode !== 200) return await refuseStatus(answer);
        return await readCapped(answer, key, maxBytes);
      } catch (error: unknown) {
        throw channelFault(error, signal);
      }
    },
    watch,
    async send(subject, message, signal) {
      requireSubject(subject);
      if (signal.aborted) throw ended(signal);
      try {
        const answer = await call(`/messages/${subject}`, signal, { method: 'POST', body: message });
        if (answer.statusCode < 200 || answer.statusCode > 299) await refuseStatus(answer);
        await answer.body.dump({ limit: MAX_WATCH_BYTES });
      } catch (error: unknown) {
        throw channelFault(error, signal);
      }
    },
    sender: {
      async ship(shipment, accept, signal) {
        requireAddress(shipment);
        if (signal.aborted) throw ended(signal);
        try {
          const answer = await call('/shipments', signal, { method: 'POST', body: shipment.bytes });
          if (answer.statusCode !== 200) return await refuseStatus(answer);
          if (!accept(await readCapped(answer, 'shipments', MAX_ANSWER_BYTES))) throw unacceptable();
        } catch (error: unknown) {
          throw channelFault(error, signal);
        }
      },
    },
    async close() {
      closed.abort();
      if (options.ownsDispatcher === true) await dispatcher.destroy();
    },
  };
}
