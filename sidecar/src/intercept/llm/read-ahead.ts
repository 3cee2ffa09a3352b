/** Reading what has come of a stream before its reader does, for whoever has to look at all that it says. */

import type { SseEvent } from '../http/sse.js';
import { readableEvent } from './answer-frame.js';
import type { Underway } from './attempts.js';
import type { AnswerFilter, Heard } from './content-filters.js';
import { StreamFault } from './endpoint.js';

/** How it is read. */
export interface AheadOptions {
  readonly look: NonNullable<AnswerFilter['look']>;
  /** See `EventReading`. */
  readonly repeats: boolean;
  /** See {@link AnswerFilter.readsInputs}. */
  readonly readsInputs?: boolean;
}

/**
 * Has what these events say looked at, in one go: the same reader meets the same texts in the same order afterwards, and what it meets
 * besides is an error there. Rejects as `look` does.
 */
export function createReadAhead(
  { endpoint, wantsUsage }: Underway,
  { look, repeats, readsInputs = false }: AheadOptions,
): (events: readonly SseEvent[]) => Promise<void> {
  let heard: Heard[] = [];
  let isOver = false;
  const whole = (text: string, name: string): string => {
    heard.push({ text, name });
    return text;
  };
  const reader = endpoint.stream?.({
    wantsUsage,
    tools: {
      isActive: true,
      readsInputs,
      // Everything that an allowed call says is looked at; of a refused one less is asked for afterwards, never more.
      decide: async () => undefined,
      whole,
      ofCall: whole,
      beside: () => undefined,
      say(channel, piece) {
        heard.push({ channel, piece });
        return piece;
      },
      rest(channel) {
        heard.push({ channel, piece: undefined });
        return '';
      },
    },
  });

  async function read(event: SseEvent): Promise<void> {
    if (reader === undefined) return;
    try {
      await reader.push(readableEvent(event, { said: endpoint.said, change: whole, repeats }));
      isOver = reader.ended;
    } catch (thrown) {
      if (!(thrown instanceof StreamFault)) throw thrown;
      // Whoever reads it again meets the same fault.
      isOver = true;
    }
  }

  return async (events) => {
    for (const event of events) if (!isOver && event.data !== undefined) await read(event);
    const now = heard;
    heard = [];
    if (now.length > 0) await look(now);
  };
}
