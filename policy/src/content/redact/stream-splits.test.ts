/** Texts made against each recogniser: what its matches are made of, cut short, put together, beside what counts as half of something. */

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Recogniser } from '../recogniser.js';
import { ALL_RECOGNISERS } from '../registry.js';
import { createTextStream } from './stream.js';
import { applyEdits, type RedactionRules, redactionRules, textEdits } from './text.js';

// Of what is passed over whole because it is none, a part may look like one where the rest has gone on: pieces lose more then.
const RECOGNISERS = ALL_RECOGNISERS.filter(({ isWhole }) => isWhole !== true);
const ALL = redactionRules(
  RECOGNISERS.map(({ type }) => type),
  (_value, type) => `<${type}>`,
);
/** Half characters, letters of two units, marks, other digits, nothing, and what JSON and URLs write for others. */
const STRANGE = [
  '\ud842',
  '\udfb7',
  '\u{20bb7}',
  '\u{1f600}',
  'e\u0301',
  '\u0663',
  '\uff14',
  '\u0000',
  '\u200b',
  '\\u0040',
  '%40',
  '&#64;',
];
const PARTS = [' ', '-', '.', ':', '/', '@', '_', '"', '\\', '\n', '(', ')', '+', '=', '::', '--', '://'];

function matching({ source, flags }: RegExp): fc.Arbitrary<string> {
  // Shorter ones of what may be very long.
  const short = source
    .replaceAll('\\b', '')
    .replaceAll(/\{(\d+),\d{4,}\}/g, (_most, least) => `{${least},${Number(least) + 40}}`);
  return fc.stringMatching(new RegExp(`^(?:${short})$`, flags.replaceAll(/[gi]/g, '')));
}

function textsAgainst({ pattern, context = [] }: Recogniser): fc.Arbitrary<string> {
  const match = matching(pattern);
  const cutShort = fc.tuple(match, fc.nat(60), fc.nat(60)).map(([text, from, to]) => text.slice(from, from + to));
  const piece = fc.oneof(
    { weight: 4, arbitrary: match },
    { weight: 4, arbitrary: cutShort },
    { weight: 3, arbitrary: fc.constantFrom(...PARTS) },
    { weight: 2, arbitrary: fc.constantFrom(...STRANGE) },
    { weight: 1, arbitrary: fc.stringMatching(/^\d{1,9}$/) },
    { weight: 1, arbitrary: fc.constantFrom('a', 'word ', ...context) },
  );
  return fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''));
}

function streamed(pieces: readonly string[], rules: RedactionRules): string {
  const stream = createTextStream(rules);
  return pieces.map((piece) => stream.push(piece)).join('') + stream.end();
}

function cut(text: string, places: readonly number[]): readonly string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...at].map((start, index) => text.slice(start, at[index] ?? text.length));
}

const named = RECOGNISERS.map((one): [string, Recogniser] => [`${one.type} ${one.pattern.source}`, one]);

describe.each([
  ['alone', undefined, 10],
  ['among all', ALL, 1],
])('%s', (_what, all, numRuns) => {
  test.each(named)('a text made against %s is redacted as if it were whole', (_name, recogniser) => {
    const rules = all ?? redactionRules([recogniser.type], (_value, type) => `<${type}>`);
    fc.assert(
      fc.property(textsAgainst(recogniser), fc.array(fc.nat(1_000), { maxLength: 4 }), (text, places) => {
        const expected = applyEdits(text, textEdits(text, rules));
        expect(streamed(cut(text, places), rules)).toBe(expected);
        expect(streamed(text.split(''), rules)).toBe(expected);
      }),
      { numRuns },
    );
  });
});
