import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLineReader } from './lines.js';

const read = (chunks: readonly Buffer[], maxLineBytes = 1000): string[] => {
  const reader = createLineReader({ maxLineBytes });
  return chunks
    .flatMap((chunk) => [...reader.push(chunk)])
    .map((line) => (line.kind === 'line' ? line.bytes.toString() : '(too long)'));
};

test.each<[string, string[], string[]]>([
  ['lines', ['a\nb\n'], ['a', 'b']],
  ['cut lines', ['a', 'b\nc', '\n'], ['ab', 'c']],
  ['blank lines', ['\n \r\n\na\n'], ['a']],
  ['unfinished', ['a\nb'], ['a']],
  ['too long, once, and then on', ['x'.repeat(20), 'y'.repeat(20), '\nok\n'], ['(too long)', 'ok']],
])('%s', (_name, chunks, expected) => {
  expect(
    read(
      chunks.map((chunk) => Buffer.from(chunk)),
      10,
    ),
  ).toEqual(expected);
});

test('however the bytes are cut, the lines are the same', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'ä', '\n', 'xyz'), { maxLength: 40 }), fc.nat(60), (parts, cut) => {
      const bytes = Buffer.from(parts.join(''));
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(read([bytes]));
    }),
  );
});
