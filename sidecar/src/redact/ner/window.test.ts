import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type TextSoFar, WINDOW_AFTER, WINDOW_BEFORE, WINDOW_LEAST, WINDOW_MOST, windowOf } from './window.js';

const REST = 'and so it goes on '.repeat(WINDOW_AFTER);
const soFar = (text: string, more: Partial<TextSoFar> = {}): TextSoFar => ({
  text,
  from: 0,
  asked: 0,
  reach: text.length,
  isEnded: false,
  ...more,
});
/** What goes on, while so much has come behind it. */
const goesOn = (text: string, more: Partial<TextSoFar> = {}, behind = WINDOW_AFTER): string =>
  text.slice(0, windowOf(soFar(text + REST.slice(0, behind), more))?.upTo ?? 0);

const SENTENCE = 'The quick brown fox jumps over the lazy dog. ';

describe('what goes on', () => {
  test.each([
    ['a sentence', SENTENCE],
    ['a question with a quotation mark', 'Did the quick brown fox jump over the dog?" '],
    ['a line', 'The quick brown fox jumps over the lazy dog\n'],
    ['a sentence without spaces', `${'速い茶色の狐は怠け者の犬を飛び越える'.repeat(2)}。`],
  ])('is %s, once enough stands behind it', (_what, text) => {
    expect(goesOn(text)).toBe(text);
    expect(goesOn(text, {}, WINDOW_AFTER - 1)).toBe('');
  });

  test('is as many sentences as there are, and none that is short', () => {
    expect(goesOn(SENTENCE.repeat(3))).toBe(SENTENCE.repeat(3));
    expect(goesOn('Well. Yes. ')).toBe('');
    expect(goesOn(`Well. ${SENTENCE}`)).toBe(`Well. ${SENTENCE}`);
  });

  test('is no number, and nothing that may still change', () => {
    const text = 'It is 3.1415926535 times as long as it was';
    expect(goesOn(text)).toBe('');
    expect(goesOn(SENTENCE.repeat(2), { reach: SENTENCE.length + 3 })).toBe(SENTENCE);
    expect(goesOn(SENTENCE, { reach: SENTENCE.length - 1 })).toBe('');
  });

  test('is not asked about again before there is more of it', () => {
    expect(goesOn(SENTENCE, { asked: SENTENCE.length })).toBe('');
    expect(goesOn(SENTENCE.repeat(2), { asked: SENTENCE.length })).toBe(SENTENCE.repeat(2));
  });

  test('ends with a word where no sentence ends, and anywhere but in a character where no word does', () => {
    const words = 'word '.repeat(WINDOW_MOST);
    expect(goesOn(words.slice(0, WINDOW_MOST - WINDOW_AFTER))).toBe('');
    expect(windowOf(soFar(words))?.upTo).toBe(words.length - (WINDOW_AFTER % 5 === 0 ? WINDOW_AFTER : 130));
    const run = `x${'😀'.repeat(WINDOW_MOST)}`;
    expect(windowOf(soFar(run))?.upTo).toBe(run.length - WINDOW_AFTER);
    expect(windowOf(soFar(`${run}y`))?.upTo).toBe(run.length - WINDOW_AFTER);
  });

  test('is everything at the end, and nothing where nothing is left', () => {
    expect(windowOf(soFar('Ada', { isEnded: true }))).toEqual({ start: 0, end: 3, upTo: 3 });
    expect(windowOf(soFar('Ada', { from: 3, asked: 3, isEnded: true }))).toBeUndefined();
  });
});

test('what stands before is asked about once more, from the beginning of a word', () => {
  const before = `${'x'.repeat(50)} ${'word '.repeat(WINDOW_BEFORE / 5)}`;
  const start = windowOf(soFar(before + SENTENCE + REST, { from: before.length, asked: before.length }))?.start ?? 0;
  expect(before.length - start).toBeLessThanOrEqual(WINDOW_BEFORE);
  expect(before.slice(start)).toMatch(/^word .*word $/);
});

test('whatever the text is', () => {
  const part = fc.constantFrom('. ', '\n', 'word ', 'x', '😀', '。', '! " ', 'x'.repeat(300), 'a b '.repeat(90));
  const place = fc.nat({ max: 400 });
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 60 }),
      place,
      place,
      place,
      fc.boolean(),
      (parts, ...[a, b, c, isEnded]) => {
        const text = parts.join('');
        const from = Math.min(a, text.length);
        const asked = Math.min(from + b, text.length);
        const reach = Math.max(from, text.length - c);
        const window = windowOf({ text, from, asked, reach, isEnded });
        const most = Math.min(reach, text.length - WINDOW_AFTER);
        if (window === undefined) {
          // Held back is a bounded part of what may go, and nothing at the end.
          if (isEnded) expect(from).toBe(text.length);
          else expect(most < asked + WINDOW_LEAST || text.length - asked <= WINDOW_MOST).toBe(true);
          return;
        }
        const { start, end, upTo } = window;
        expect([end, start <= from, from - start <= WINDOW_BEFORE]).toEqual([text.length, true, true]);
        if (isEnded) expect(upTo).toBe(text.length);
        else expect([upTo >= asked + WINDOW_LEAST - 1, upTo <= most]).toEqual([true, true]);
        expect(/[\ud800-\udbff]$/.test(text.slice(0, upTo)) && upTo < text.length).toBe(false);
      },
    ),
  );
});
