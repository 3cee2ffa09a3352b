/** What a Presidio analyzer promises, as far as its client counts on it: the fake and the real one keep to the same. */

import { expect, test } from '@jest/globals';
import type { EntityFinder } from '../redact/ner/port.js';

/** One case: a text, and the parts of it that are names of people. */
const CASES: readonly (readonly [what: string, text: string, names: readonly string[]])[] = [
  ['one name', 'Please ask Ada Lovelace about it.', ['Ada Lovelace']],
  ['the same name twice', 'Ada Lovelace knows Ada Lovelace', ['Ada Lovelace', 'Ada Lovelace']],
  ['letters outside of ASCII', 'Grüße an José Müller!', ['José Müller']],
  ['characters of two units before it', '😀👩‍👩‍👧 𝒳 and then Ada Lovelace 😀', ['Ada Lovelace']],
  ['marks that combine', 'e\u0301 n\u0303 Ada Lovelace', ['Ada Lovelace']],
  ['line ends of all kinds', 'a\r\nb\u2028c\n\nAda Lovelace\r', ['Ada Lovelace']],
  ['none', 'the weather is fine', []],
  ['half a pair', 'half \ud83d of it, Ada Lovelace', ['Ada Lovelace']],
];

/** Declares the tests. @param open a client of the service, asked for PERSON in English */
export function describePresidio(open: () => EntityFinder): void {
  test.each(CASES)('finds names among %s', async (_what, text, names) => {
    const found = await open().find(new Set([text]));
    const spans = (found.get(text) ?? []).toSorted((a, b) => a.start - b.start);
    expect(spans.map(({ start, end, type }) => [type, text.slice(start, end)])).toEqual(
      names.map((name) => ['PERSON', name]),
    );
  });

  test('answers for many texts at once, each for itself', async () => {
    const texts = Array.from({ length: 40 }, (_, at) => `${'x '.repeat(at)}Ada Lovelace number ${at}`);
    const found = await open().find(new Set(texts));
    expect(texts.map((text) => found.get(text)?.map(({ start, end }) => text.slice(start, end)))).toEqual(
      texts.map(() => ['Ada Lovelace']),
    );
  });

  test('finds in a text of many parts what stands over their edges', async () => {
    const text = Array.from({ length: 300 }, (_, at) => `line ${at} of a long story 😀, by Ada Lovelace;`).join(' ');
    const spans = (await open().find(new Set([text]))).get(text) ?? [];
    const covered = new Set(spans.map(({ start, end }) => `${start} ${text.slice(start, end)}`));
    expect(covered.size).toBe(300);
    expect([...covered].every((one) => one.endsWith('Ada Lovelace'))).toBe(true);
  });
}
