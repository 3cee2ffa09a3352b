import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { type PatternAutomaton, patternAutomaton } from './pattern-automaton.js';
import { textCells } from './text-cells.js';

function automata(...patterns: readonly string[]): readonly PatternAutomaton[] {
  return patterns.map((pattern) => {
    const automaton = patternAutomaton(pattern);
    if (automaton === undefined) throw new Error(pattern);
    return automaton;
  });
}

function cells(patterns: readonly string[], besides: readonly string[] = []): Record<string, string> {
  const { cells: found, complete } = textCells(automata(...patterns), besides);
  expect(complete).toBe(true);
  return Object.fromEntries(found.map(({ matches, sample }) => [matches.map(Number).join(''), sample]));
}

describe('cells of texts', () => {
  test.each<[string, string[], string[], Record<string, string>]>([
    ['one pattern', ['^ab+$'], [], { 0: '', 1: 'ab' }],
    ['a pattern inside another', ['^ab', '^a'], [], { '00': '', '01': 'a', 11: 'ab' }],
    ['patterns that exclude each other', ['^a', '^b'], [], { '00': '', 10: 'a', '01': 'b' }],
    ['a pattern that matches every text', ['a*'], [], { 1: '' }],
    ['a pattern that matches no text', ['a^'], [], { 0: '' }],
    ['a boundary that cannot be', ['a\\bb'], [], { 0: '' }],
    ['one line only', ['^.*$'], [], { 1: '', 0: '\n' }],
    ['without regard to case', ['^(?i:k)$', '^[kK]$'], [], { '00': '', 11: 'k', 10: 'K' }],
    ['texts that are not looked for', ['^a'], ['', 'a', 'x'], { 0: 'b', 1: 'ax' }],
  ])('%s', (_name, patterns, besides, expected) => {
    const shown = cells(patterns, besides);
    if (_name === 'without regard to case') expect(Object.keys(shown).sort()).toEqual(['00', '10', '11']);
    else expect(shown).toEqual(expected);
  });

  test('a pattern that explodes is incomplete, not wrong', () => {
    const { complete, cells: found } = textCells(automata('(a|b)*a(a|b){12}$'), []);
    expect(complete).toBe(false);
    expect(found.length).toBeGreaterThan(0);
  });

  test('folding beyond ASCII is not followed', () => {
    expect(patternAutomaton('(?i:é)')).toBeUndefined();
  });

  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\b',
    '\\B',
    '^',
    '$',
    '(?i:s)',
    '(?m:^)',
    '(?m:$)',
    '\\n',
    '',
  );
  const pattern = fc
    .array(
      fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}')).map(([one, times]) => `(?:${one})${times}`),
      { minLength: 1, maxLength: 4 },
    )
    .chain((parts) => fc.constantFrom(parts.join(''), parts.join('|')));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'S', 's', '\n', ' ', '😀'), maxLength: 5 });

  test('an automaton says what the pattern library says', () => {
    fc.assert(
      fc.property(pattern, text, (one, sample) => {
        const [automaton] = automata(one) as [PatternAutomaton];
        let state = automaton.start;
        for (const char of sample) state = automaton.next(state, char.codePointAt(0) ?? 0);
        expect(automaton.accepts(state)).toBe(RE2JS.compile(one).test(sample));
      }),
      { numRuns: 3000 },
    );
  });

  test('every text is in a cell that was found, and every sample is in its cell', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 3 }),
        fc.uniqueArray(text, { maxLength: 2 }),
        text,
        (patterns, besides, sample) => {
          const { cells: found, complete } = textCells(automata(...patterns), besides);
          const compiled = patterns.map((one) => RE2JS.compile(one));
          for (const cell of found) {
            expect(besides).not.toContain(cell.sample);
            expect(cell.matches).toEqual(compiled.map((one) => one.test(cell.sample)));
          }
          fc.pre(complete && !besides.includes(sample));
          expect(found.map(({ matches }) => matches)).toContainEqual(compiled.map((one) => one.test(sample)));
        },
      ),
      { numRuns: 600 },
    );
  });
});
