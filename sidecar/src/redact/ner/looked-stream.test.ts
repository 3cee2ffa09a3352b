/** A text that goes on bit by bit says no more than the whole of it would have, wherever it is cut. */

import { describe, expect, test } from '@jest/globals';
import { type RedactionRules, redactionRules, type Span, typesOfDetectors } from '@portcullis/policy/content';
import fc from 'fast-check';
import { KNOWN_NAMES } from '../../testing/presidio-contract.js';
import type { Look } from '../look.js';
import { redactedBy } from '../texts.js';
import { createLookedStream } from './looked-stream.js';
import { NerFailure } from './port.js';
import { WINDOW_AFTER, WINDOW_LEAST, WINDOW_MOST } from './window.js';

const RULES: RedactionRules = redactionRules(typesOfDetectors(['email', 'card', 'iban', 'phone']), () => '<>');
const LONG = `Don ${'Diego '.repeat((WINDOW_AFTER - 10) / 6)}Rivera`;
/** Of a name that has not come whole, its beginning is one as well. */
const NAMES = [...Object.keys(KNOWN_NAMES), LONG, 'Ada', 'J. R. R. Tolkien', 'Dr. No'];

function spansOf(text: string): readonly Span[] {
  return NAMES.flatMap((name) => {
    const spans: Span[] = [];
    for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1))
      spans.push({ type: 'PERSON', start: at, end: at + name.length });
    return spans;
  });
}
const look: Look = async () => ({ extra: spansOf, outcome: 'answered' });

async function streamed(pieces: readonly string[], by: Look = look): Promise<string> {
  const stream = createLookedStream(RULES, by);
  let given = '';
  for (const piece of pieces) given += await stream.push(piece, false);
  return given + (await stream.push('', true));
}
const atOnce = async (text: string): Promise<string> =>
  (await redactedBy([{ rules: RULES, look }]).looked([{ text, name: '' }]))(text, '');

const pieceOf = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 4, arbitrary: fc.constantFrom('. ', ' ', '\n', ', ', '? ', '。', '', 'She said: "', '" ') },
  { weight: 3, arbitrary: fc.constantFrom('who ', 'went there with all of them', '😀', 'é', 'x'.repeat(70)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('a@example.org', '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', '17 '),
  },
  { weight: 1, arbitrary: fc.constantFrom('word '.repeat(WINDOW_MOST / 4), 'x'.repeat(WINDOW_MOST + 50)) },
);

describe('a text in pieces', () => {
  test('is what the whole would be, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieceOf, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 }),
        async (parts, sizes) => {
          const text = parts.join('');
          expect(await streamed(cut(text, sizes))).toBe(await atOnce(text));
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each(NAMES)('%s: wherever it stands, nothing of it goes on', async (name) => {
    const filler = 'it was a dark and stormy night. ';
    for (let before = 0; before <= WINDOW_LEAST + WINDOW_AFTER; before += 1) {
      const text = `${filler.repeat(8).slice(-before, before === 0 ? 0 : undefined)}${name}. ${filler.repeat(8)}`;
      expect([before, await streamed(cut(text, [23]))]).toEqual([before, text.replace(name, '<>')]);
    }
  });

  test.each(NAMES)('%s: wherever it is cut', async (name) => {
    const before = 'Then there was nobody else but her in it. It was ';
    const text = `${before}${name}. ${'And nobody said a word of it to anybody. '.repeat(5)}`;
    for (let at = before.length - 1; at <= before.length + name.length + 1; at += 1)
      expect([at, await streamed([text.slice(0, at), text.slice(at)])]).toEqual([at, text.replace(name, '<>')]);
  });

  test('sentences go on before the text has ended', async () => {
    const stream = createLookedStream(RULES, look);
    let given = '';
    const text = 'Ada Lovelace was there, and so was I. Nobody else was. '.repeat(6);
    for (const piece of cut(text, [5])) given += await stream.push(piece, false);
    expect(text.replaceAll('Ada Lovelace', '<>').startsWith(given)).toBe(true);
    expect(text.length - given.length).toBeLessThan(WINDOW_AFTER + 120);
  });

  test('a name that begins in what is held back is asked about with all before it', async () => {
    const asked: string[] = [];
    const first = 'It was a dark and stormy night, and nobody slept. ';
    const between = 'There was somebody else who did not sleep, and she was called ';
    const text = `${first}${between}Ada Lovelace${'. And so on'.repeat(20)}`;
    const given = await streamed(cut(text, [3]), async (texts) => {
      asked.push(...texts);
      return { extra: spansOf, outcome: 'answered' };
    });
    expect(given).toBe(text.replace('Ada Lovelace', '<>'));
    const [, second] = asked;
    expect(second?.startsWith(first + between)).toBe(true);
  });
});

describe('questions', () => {
  test('are few, however many short sentences there are, and each has a bound', async () => {
    const asked: string[] = [];
    const text = 'a. '.repeat(3_000);
    await streamed(cut(text, [1]), async (texts) => {
      asked.push(...texts);
      return { extra: () => [], outcome: 'answered' };
    });
    expect(asked.length).toBeLessThanOrEqual(text.length / WINDOW_LEAST);
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThan(WINDOW_MOST);
  });

  test('are as few where all that there is is one finding, and what is held of it has a bound', async () => {
    let asked = 0;
    const text = 'all of it is a name. '.repeat(600);
    const stream = createLookedStream(
      redactionRules(['CREDIT_CARD'], () => '<>'),
      async () => {
        asked += 1;
        return { extra: (one) => [{ type: 'PERSON', start: 0, end: one.length }], outcome: 'answered' };
      },
    );
    let given = '';
    for (const piece of cut(text, [1])) given += await stream.push(piece, false);
    expect(given).toMatch(/^(<>)+$/);
    expect(asked).toBeLessThanOrEqual(text.length / WINDOW_LEAST);
    expect(await stream.push('', true)).toBe('<>');
  });
});

test('where nobody looks, nothing more goes on', async () => {
  let isThere = true;
  const stream = createLookedStream(RULES, async () => {
    if (!isThere) throw new NerFailure('failed', 'gone');
    return { extra: spansOf, outcome: 'answered' };
  });
  const sentence = 'It was a dark and stormy night, and nobody slept. ';
  expect(await stream.push(sentence.repeat(4), false)).not.toBe('');
  isThere = false;
  await expect(stream.push(sentence.repeat(4), false)).rejects.toThrow(NerFailure);
  await expect(stream.push('', true)).rejects.toThrow(NerFailure);
});

/** The text in pieces of these sizes, over and over. */
function cut(text: string, sizes: readonly number[]): readonly string[] {
  const pieces: string[] = [];
  for (let at = 0, turn = 0; at < text.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}
