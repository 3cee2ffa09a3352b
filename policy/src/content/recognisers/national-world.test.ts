import { describe, expect, test } from '@jest/globals';
import { recognise } from '../recognise.js';
import { VALID } from '../testing/examples.js';
import { WORLD_RECOGNISERS } from './national-world.js';

/** The same with its check digit off by one, or its check letter another; it is the last but for a bracket or a century. */
function broken(type: string, id: string): string {
  const at = id.length - (id.endsWith(')') || type === 'IS_KENNITALA' ? 2 : 1);
  const last = id[at] ?? '';
  const other = /\d/.test(last) ? String((Number(last) + 1) % 10) : last === 'F' ? 'G' : 'F';
  return id.slice(0, at) + other + id.slice(at + 1);
}

describe('national numbers of more countries', () => {
  test.each(VALID)('%s beside %j: %s', (type, word, id) => {
    const text = `${word}: ${id}, please`;
    const found = recognise(text, { types: [type] });
    expect(found.map(({ start, end }) => text.slice(start, end))).toEqual([id]);
  });

  test.each(VALID)('no %s with a wrong check digit beside %j', (type, word, id) => {
    expect(recognise(`${word}: ${broken(type, id)}, please`, { types: [type], minScore: 0 })).toEqual([]);
  });

  test('every type is shown', () => {
    const shown = new Set(VALID.map(([type]) => type));
    expect(WORLD_RECOGNISERS.map(({ type }) => type).filter((type) => !shown.has(type))).toEqual([]);
  });
});
