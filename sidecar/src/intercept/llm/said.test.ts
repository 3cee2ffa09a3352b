import { expect, test } from '@jest/globals';
import { createSaid } from './said.js';

test('what was said in pieces and once more as a whole is there once, and what was not said before as well', () => {
  const said = createSaid(true);
  for (const piece of ['it is ', 'so']) said.keep('a', piece);
  said.keep('b', 'it is so');
  for (const text of ['it is so', 'so', '', 'it is not', 'so']) said.keepWhole(text);
  expect(said.text()).toBe('it is so\nit is so\nso\nit is not');
});

// Each text was looked for in all that was said: two thousand took four seconds, in which nobody else was answered.
test('comes to an end with many texts beside a long one', () => {
  const said = createSaid(true);
  said.keep('a', 'the words of an answer '.repeat(100_000));
  const texts = Array.from({ length: 100_000 }, (_one, at) => `the words of an answer no ${at}`);
  for (const text of texts) said.keepWhole(text);
  expect(said.text().endsWith(texts.join('\n'))).toBe(true);
});
