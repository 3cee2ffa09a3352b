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

/**
 * Reads all events, as far as they are those of a stream of this API.
 * @param maxBytes of words, beyond which the answer will be cut off anyway
 */
export async function readAhead(inference: Underway, source: EventSource, maxBytes: number): Promise<ReadAhead> {
  const { endpoint, wantsUsage } = inference;
  const events: SseEvent[] = [];
  const texts: NamedText[] = [];
  const channels = new Map<string, string>();
  let bytes = 0;
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
      say(channel, piece) {
        bytes += Buffer.byteLength(piece);
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
    events.push(event);
    if (event.data === undefined || reader === undefined) return 'more';
    try {
      await reader.push(readableEvent(event, endpoint.said, whole));
    } catch (thrown) {
      if (!(thrown instanceof StreamFault)) throw thrown;
      // Whoever reads it again meets the same fault.
      return 'stop';
    }
    if (reader.ended) return 'enough';
    return bytes > maxBytes ? 'stop' : 'more';
  });
  return {
    texts,
    async again(take) {
      for (const event of events) if ((await take(event)) !== 'more') return undefined;
      return trouble;
    },
  };
}
