/** Reads a provider's stream event by event, within its limits. */

import type { Readable } from 'node:stream';
import { discard } from '../http/body.js';
import { createSseReader, type SseEvent } from '../http/sse.js';

/** Limits of a stream. */
export interface StreamLimits {
  readonly maxEventBytes: number;
  /** Of all events together. */
  readonly maxResponseBytes: number;
  /** Longest silence. */
  readonly streamIdleMs: number;
  /** Longest stream. */
  readonly streamMs: number;
}

/** Why a stream ended early. */
export type StreamTrouble = 'too large' | 'silent for too long' | 'too long' | 'broken off';

/**
 * Hands over events until `take` has the last one (`enough`), wants no more (`stop`), or the stream is over. Rejects with what `take` throws; the stream
 * is destroyed then, and where a limit is passed.
 * @param ahead told first of the events that have come together, and waited for; more come together where it takes long
 * @returns nothing when it was read to where `take` wanted
 */
export async function pump(
  body: Readable,
  limits: StreamLimits,
  take: (event: SseEvent) => Promise<'more' | 'enough' | 'stop'>,
  ahead?: (events: readonly SseEvent[]) => Promise<void>,
): Promise<StreamTrouble | undefined> {
  const reader = createSseReader({ maxEventBytes: limits.maxEventBytes });
  let trouble: StreamTrouble | undefined;
  const end = (why: StreamTrouble) => (): void => {
    trouble ??= why;
    body.destroy();
  };
  const whole = setTimeout(end('too long'), limits.streamMs);
  let idle = setTimeout(end('silent for too long'), limits.streamIdleMs);
  let size = 0;
  let isDone = false;
  try {
    const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      clearTimeout(idle);
      size += chunk.length;
      if (size > limits.maxResponseBytes) return 'too large';
      const events = reader.push(chunk);
      await ahead?.(events);
      for (const event of events) {
        const wish = await take(event);
        if (wish === 'more') continue;
        // So that the connection can be used again.
        isDone = wish === 'enough';
        if (isDone) discard(body);
        return trouble;
      }
      idle = setTimeout(end('silent for too long'), limits.streamIdleMs);
    }
    return trouble ?? 'broken off';
  } catch (thrown) {
    if (thrown instanceof RangeError) return 'too large';
    if (trouble !== undefined) return trouble;
    if (body.errored === thrown) return 'broken off';
    throw thrown;
  } finally {
    clearTimeout(whole);
    clearTimeout(idle);
    if (!isDone) body.destroy();
  }
}
