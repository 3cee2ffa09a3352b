import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type NumberAutomaton, numberAutomaton } from './number-automaton.js';

const PATTERNS = [
  /\d{3}[ -]?\d{3}[ -]?\d{4}/g,
  /[A-Z]{2}\d{4,6}/g,
  /(?:\+|00)[1-9](?:[ -]?\d){5}/g,
  /\d(?:[ -]?\d){7,9}/g,
];
const EXCEPT = /\d{10}/;
const NUMBERS = PATTERNS.map((pattern, index) => ({
  pattern,
  except: index === 0 ? EXCEPT : undefined,
  isOpen: index === 3,
}));

function named(automaton: NumberAutomaton, text: string, at: number): readonly number[] {
  const names = new Set<number>();
  automaton.walk(text, at, (pattern) => names.add(pattern));
  return [...names].toSorted((a, b) => a - b);
}

/** Whether the pattern has a match of any length from `at` on that may count. */
function mayMatch(index: number, text: string, at: number): boolean {
  const pattern = new RegExp(`^(?:${PATTERNS[index]?.source})$`);
  for (let end = at + 1; end <= text.length; end += 1) {
    const match = text.slice(at, end);
    const isAllowed = index === 3 || !/^[\p{L}\p{N}_]/u.test(text.slice(end));
    if (isAllowed && pattern.test(match) && !(index === 0 && EXCEPT.test(match))) return true;
  }
  return false;
}

const texts = fc
  .array(
    fc.oneof(fc.stringMatching(/^\d{1,4}$/), fc.constantFrom(' ', '-', '+', '00', 'AB', 'x', '.', '_', 'Ä', '\u007f')),
    {
      maxLength: 12,
    },
  )
  .map((pieces) => pieces.join(''));

describe('the automaton of numbers', () => {
  test.each([
    ['with all states kept', undefined],
    ['with so few that they are made anew all the time', 4],
  ])('names the patterns that have a match from a place on, and no other, %s', (_name, most) => {
    const automaton = numberAutomaton(NUMBERS, most);
    fc.assert(
      fc.property(texts, (text) => {
        for (let at = 0; at < text.length; at += 1) {
          const expected = PATTERNS.flatMap((_pattern, index) => (mayMatch(index, text, at) ? [index] : []));
          expect([text, at, named(automaton, text, at)]).toEqual([text, at, expected]);
        }
      }),
    );
    if (most !== undefined) expect(automaton.states()).toBeLessThanOrEqual(most);
    else expect(automaton.states()).toBeGreaterThan(20);
  });

  test('has no pattern that is nothing but ASCII match anything else', () => {
    const automaton = numberAutomaton(NUMBERS);
    expect(named(automaton, '１２３４５６７８９０', 0)).toEqual([]);
    expect(named(automaton, '1234567890', 0)).toEqual([3]);
    expect(named(automaton, '123 456 7890', 0)).toEqual([0, 3]);
  });
});
