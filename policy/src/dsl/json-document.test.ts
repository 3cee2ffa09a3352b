import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { readJsonDocument } from './json-document.js';
import { DOCUMENT_LIMITS, readText } from './source-document.js';

const read = (text: string) => readJsonDocument('f', text, DOCUMENT_LIMITS);

/** JSON with blanks, line ends and now and then something else between its tokens. */
const documents = fc
  .tuple(
    fc.oneof(fc.json(), fc.json({ stringUnit: 'binary' }), fc.constant('[1e3,-0,0.5,1E-7,"\\/\\u00e9\\n",{"":[]}]')),
    fc.oneof(
      { weight: 4, arbitrary: fc.array(fc.constantFrom('', '', ' ', '  ', '\n', ' \n  ')) },
      { weight: 1, arbitrary: fc.array(fc.constantFrom('', '\t', '\r\n', '/**/', ',')) },
    ),
  )
  .map(([json, blanks]) => {
    let used = 0;
    const text = `[${json},{"a":${json}}]`;
    return text.replace(/[[\]{},:](?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*$)/g, (token) => {
      used += 1;
      return token + (blanks[used % Math.max(1, blanks.length)] ?? '');
    });
  });

test('what it reads, the YAML reader reads the same', () => {
  let count = 0;
  fc.assert(
    fc.property(documents, (text) => {
      const quick = read(text);
      if (quick === undefined) return;
      count += 1;
      expect(readText('f', text)).toEqual({ ok: true, value: quick });
    }),
    { numRuns: 1_000 },
  );
  expect(count).toBeGreaterThan(400);
});

test.each([
  'a: 1',
  '"text"',
  '{a: 1}',
  "{'a': 1}",
  '[1,]',
  '[1 2]',
  '{"a":1,"a":2}',
  '{"__proto__":1}',
  '{"a" :1}',
  '[\t1]',
  '[01]',
  '[+1]',
  '[.5]',
  '[1e999]',
  '[9007199254740993]',
  '["\\ud800"]',
  '["\\x41"]',
  '["a\nb"]',
  '[tru]',
  '[] x',
  '[] # c',
  '["',
  '{"a"',
  `${'['.repeat(70)}${']'.repeat(70)}`,
])('leaves to the YAML reader %s', (text) => {
  expect(read(text)).toBeUndefined();
});

test('takes an ordinary policy file', () => {
  const text = '[\n  {\n    "name": "A",\n    "on": ["tool_call"]\n  }\n]\n';
  const document = read(text);
  expect(document?.value).toEqual([{ name: 'A', on: ['tool_call'] }]);
  expect(document?.positions.get('[0].on[0]')).toEqual([4, 12]);
  expect(document?.keys.get('[0].name')).toEqual([3, 5]);
});
