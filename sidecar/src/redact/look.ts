/** Asking the service that knows names about texts before they are redacted. What nobody has looked at is an error. */

import { contentTypes, labelOf, type Span } from '@portcullis/policy/content';
import type { NerOutcome } from '@portcullis/policy/model';
import { type EntityFinder, type FoundEntities, NerFailure } from './ner/port.js';

/** What a look came to. */
export interface Looked {
  /** What was found in a text; nothing in one that was not there. @throws Error for a text that nobody has looked at */
  readonly extra: (text: string) => readonly Span[];
  readonly outcome: NerOutcome;
}

/** Looks into all of these texts. @throws NerFailure when that is not possible, and must not be done without */
export type Look = (texts: ReadonlySet<string>) => Promise<Looked>;

/** Only these can say a name. */
const LETTER = /\p{L}/u;
/** What a policy's own pattern has found. */
const CUSTOM = 'CUSTOM';

/** How a look is taken. */
export interface LookOptions {
  /** Types that are found besides those of recognisers: placeholders have their labels. */
  readonly entities: readonly string[];
  /** `patterns`: when nobody answers, nothing is found, and the outcome says so. */
  readonly failure: 'deny' | 'patterns';
}

/** Looks by asking `finder`. */
export function createLook(finder: Pick<EntityFinder, 'find'>, { entities, failure }: LookOptions): Look {
  const ours = placeholders([...contentTypes(), ...entities, CUSTOM]);
  return async (texts) => {
    const asked = new Set([...texts].filter((text) => LETTER.test(text.replaceAll(ours, ''))));
    if (asked.size === 0) return { extra: () => [], outcome: 'unneeded' };
    try {
      const found = await finder.find(asked);
      return {
        extra: (text) => (texts.has(text) && !asked.has(text) ? [] : beside(text, known(text, found), ours)),
        outcome: 'answered',
      };
    } catch (thrown) {
      if (failure === 'deny' || !(thrown instanceof NerFailure)) throw thrown;
      return { extra: () => [], outcome: thrown.outcome };
    }
  };
}

/** What redaction has written itself. Other capitals in brackets are somebody's words, and may be a name. */
function placeholders(types: readonly string[]): RegExp {
  const labels = [...new Set(types.map(labelOf))].map((label) => RegExp.escape(label));
  return new RegExp(`\\[(?:${labels.join('|')})(?:_\\d{1,9}|:[a-p]{20})?\\]`, 'g');
}

function known(text: string, found: FoundEntities): readonly Span[] {
  const spans = found.get(text);
  if (spans === undefined) throw new TypeError('nobody has looked at the text');
  return spans;
}

/** What of the findings is not in a placeholder: one that is replaced again would stand for nothing. */
function beside(text: string, spans: readonly Span[], placeholder: RegExp): readonly Span[] {
  const ours = Array.from(text.matchAll(placeholder), ({ 0: all, index }) => ({
    start: index,
    end: index + all.length,
  }));
  if (ours.length === 0) return spans;
  return spans.flatMap((span) => {
    const left: Span[] = [];
    let { start } = span;
    for (const { start: from, end: to } of ours) {
      if (to <= start || from >= span.end) continue;
      if (from > start) left.push({ ...span, start, end: from });
      start = to;
    }
    return start < span.end ? [...left, { ...span, start }] : left;
  });
}
