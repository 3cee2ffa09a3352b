import { expect, test } from '@jest/globals';
import { parseSourceDocument, printPolicy } from '@portcullis/policy';
import type { Json } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { compiled, sourceOf } from '../support/bundle-source.js';
import { bundle, policies } from '../support/policy-generators.js';

const RUNS = Math.max(1, Math.ceil(Number(process.env['JEST_PROPERTY_RUNS'] ?? 10_000) / 100));
const TIMEOUT_MS = 60_000 + RUNS * 50;

function reread(document: Json): Json {
  const parsed = parseSourceDocument('p.yaml', new TextEncoder().encode(printPolicy(document)));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value.value;
}

test(
  'a printed policy reads back as it was, and prints the same again',
  () => {
    fc.assert(
      fc.property(policies(4), (all) => {
        for (const policy of all as unknown as readonly Json[]) {
          const again = reread(policy);
          expect(again).toEqual(policy);
          expect(printPolicy(again)).toBe(printPolicy(policy));
        }
        expect(reread(all as unknown as Json)).toEqual(all);
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

test(
  'a printed bundle compiles to the same rules but for their places',
  () => {
    fc.assert(
      fc.property(bundle(4), (given) => {
        const plain = sourceOf(given);
        const printed = new Map(plain);
        for (const set of given.sets) {
          const name = `policies/${set.name}/all.json`;
          printed.delete(name);
          printed.set(
            name.replace('.json', '.yaml'),
            new TextEncoder().encode(printPolicy(set.policies as unknown as Json)),
          );
        }
        expect(withoutPlaces(compiled(printed))).toEqual(withoutPlaces(compiled(plain)));
      }),
      { numRuns: Math.max(1, Math.ceil(RUNS / 4)) },
    );
  },
  TIMEOUT_MS,
);

test('texts that look like something else are printed as texts', () => {
  const texts = [
    'yes',
    'no',
    'null',
    '~',
    '1',
    '1.5',
    '0x10',
    '1e3',
    '2026-01-31',
    ' a',
    'a ',
    '',
    '#a',
    '- a',
    'a: b',
    '"',
    "'",
    '\\',
    '*a',
    '&a',
    '!a',
    '%a',
    '@a',
    '`a',
    'a\nb',
    'a\tb',
    '{a}',
    '[a]',
    'true',
    '💡',
    '\u2028',
    '=',
    '<<',
  ];
  expect(reread({ texts })).toEqual({ texts });
  for (const text of texts)
    expect(reread({ [text === '' ? 'empty' : text]: text })).toEqual({ [text === '' ? 'empty' : text]: text });
});

function withoutPlaces(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (['file', 'line', 'column'].includes(key) ? 0 : inner)),
  );
}
