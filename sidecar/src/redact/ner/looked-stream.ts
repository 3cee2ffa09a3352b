/** One rule over a text that comes in pieces, of which somebody else has to look at every piece before it goes on. */

import { createGrowingText, type RedactionRules, type Span } from '@portcullis/policy/content';
import type { Look } from '../look.js';
import { WINDOW_AFTER, WINDOW_BEFORE, type Window, windowOf } from './window.js';

/** Redacts pieces of one text. */
export interface LookedStream {
  /**
   * What may go on now that `piece` has come; everything when it is the last.
   * @throws NerFailure when nobody could look; the text is unusable then
   */
  push(piece: string, isLast: boolean): Promise<string>;
}

/** Starts a text. */
export function createLookedStream(rules: RedactionRules, look: Look): LookedStream {
  const growing = createGrowingText(rules, { context: WINDOW_BEFORE + 1, longest: WINDOW_AFTER });
  let asked = 0;

  async function found({ start, end }: Window): Promise<readonly Span[]> {
    const text = growing.text.slice(start, end);
    const { extra } = await look(new Set([text]));
    return extra(text).map((span) => ({ ...span, start: start + span.start, end: start + span.end }));
  }

  return {
    async push(piece, isLast) {
      growing.add(piece);
      const { text } = growing;
      const soFar = { text, from: growing.from, asked, reach: text.length, isEnded: isLast };
      let window = windowOf(soFar);
      // Patterns are looked for where there is something to let go.
      if (window !== undefined && !isLast) window = windowOf({ ...soFar, reach: growing.reach() });
      if (window === undefined) return '';
      const spans = await found(window);
      const given = isLast ? growing.end(spans) : growing.release(window.upTo, spans);
      asked = Math.max(growing.from, window.upTo - (text.length - growing.text.length));
      return given;
    },
  };
}
