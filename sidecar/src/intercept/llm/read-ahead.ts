/** Reading a stream to its end before anything of it goes on, for whoever has to know all that it says. */

import type { SseEvent } from '../http/sse.js';
import { readableEvent } from './answer-frame.js';
import type { Underway } from './attempts.js';
import type { NamedText } from './content-filters.js';
import { StreamFault } from './endpoint.js';
import type { EventSource } from './stream-pump.js';

/** A stream that was read. */
export interface ReadAhead {
  /** What it says: what an {@link AnswerFilter} is given when its events are read again. */
  readonly texts: readonly NamedText[];
  /** The same events, and the same end. */
  readonly again: EventSource;
}

/** What may be kept. */
export interface ReadAheadLimits {
  /** Bytes of words, beyond which the answer will be cut off anyway. */
  readonly maxWordBytes: number;
  /** Bytes of events, each counted as {@link LEAST_BYTES} at least. */
  readonly maxResponseBytes: number;
}

/** An event takes as much memory, however short it is. */
const LEAST_BYTES = 256;

/** Reads all events, as far as they are those of a stream of this API. Those without data say nothing, and are not kept. */
export async function readAhead(
  inference: Underway,
  source: EventSource,
  { maxWordBytes, maxResponseBytes }: ReadAheadLimits,
): Promise<ReadAhead> {
  const { endpoint, wantsUsage } = inference;
  const events: SseEvent[] = [];
  const texts: NamedText[] = [];
  const channels = new Map<string, string>();
  let words = 0;
  let kept = 0;
  const whole = (text: string, name: string): string => {
    texts.push({ text, name });
    return text;
  };
  const reader = endpoint.stream?.({
    wantsUsage,
    tools: {
      isActive: true,
      // Everything that an allowed call says is looked at; of a refused one less is asked for afterwards, never more.
      decide: async () => undefined,
      whole,
      ofCall: whole,
      beside: () => undefined,
      say(channel, piece) {
        words += Buffer.byteLength(piece);
        channels.set(channel, (channels.get(channel) ?? '') + piece);
        return piece;
      },
      rest(channel) {
        texts.push({ text: channels.get(channel) ?? '', name: '' });
        channels.delete(channel);
        return '';
      },
    },
  });
  const trouble = await source(async (event) => {
    if (event.data === undefined) return 'more';
    kept += Math.max(event.raw.length, LEAST_BYTES);
    if (kept > maxResponseBytes) return 'stop';
    events.push(event);
    if (reader === undefined) return 'more';
    try {
      await reader.push(readableEvent(event, { said: endpoint.said, change: whole, repeats: true }));
    } catch (thrown) {
      if (!(thrown instanceof StreamFault)) throw thrown;
      // Whoever reads it again meets the same fault.
      return 'stop';
    }
    if (reader.ended) return 'enough';
    return words > maxWordBytes ? 'stop' : 'more';
  });
  return {
    texts,
    async again(take) {
      for (const event of events) if ((await take(event)) !== 'more') return undefined;
      return kept > maxResponseBytes ? 'too large' : trouble;
    },
  };
}
