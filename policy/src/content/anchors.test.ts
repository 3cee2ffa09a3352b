import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findMatches } from './find.js';
import { createFinder } from './finder.js';
import type { Recogniser } from './recogniser.js';
import { ALL_RECOGNISERS } from './registry.js';
import { findEverywhere } from './testing/everywhere.js';

/** Texts that the pattern matches, in whatever case it takes them. */
function matching({ source, flags }: RegExp): fc.Arbitrary<string> {
  // No place in a match can be told by itself.
  const written = fc.stringMatching(new RegExp(`^(?:${source.replaceAll('\\b', '')})$`, flags.replaceAll(/[gi]/g, '')));
  if (!flags.includes('i')) return written;
  return fc.tuple(written, fc.boolean()).map(([text, isLoud]) => (isLoud ? text.toUpperCase() : text));
}

const named = ALL_RECOGNISERS.map((one): [string, Recogniser] => [`${one.type} ${one.pattern.source}`, one]);

test.each(named)('what is looked for first is in every match of %s', (_name, recogniser) => {
  const finder = createFinder([recogniser]);
  fc.assert(
    fc.property(matching(recogniser.pattern), (match) => {
      const text = `so: ${match}; and`;
      expect(findMatches(text, finder, { minScore: 0 })).toEqual(findEverywhere(text, [recogniser], { minScore: 0 }));
    }),
    { numRuns: 5 },
  );
});
