import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSseReader, type SseEvent } from '../http/sse.js';
import { readableEvent } from './answer-frame.js';

const READING = { change: (text: string) => text, repeats: false };

function eventOf(text: string): SseEvent {
  const [event] = createSseReader({ maxEventBytes: 1 << 20 }).push(Buffer.from(text));
  if (event === undefined) throw new Error('no event');
  return event;
}

// Each end of a line could be read in two ways: with forty lines this was without end.
test.each([
  ['content', '\r\n', 'id: 7'],
  ['choices', '\r\n', 'event: x'],
  ['content', '\n', ': nobody reads this'],
])(
  'under %s, an event of many lines is read however they end, and without what nobody looks at',
  (said, end, other) => {
    const lines = ['data: {"a":', ...Array.from({ length: 5_000 }, () => 'data: '), 'data: 1}'];
    const event = eventOf(`${[...lines, other].join(end)}${end}${end}`);
    const read = readableEvent(event, { ...READING, said });
    expect(read.raw.toString()).not.toContain(other);
    expect(JSON.parse(String(read.data))).toEqual({});
  },
);

test('an event of which all is looked at keeps its bytes, and only such a one', () => {
  const line = fc.constantFrom('data: {}', 'data:', 'data', 'event: x', 'id: 1', ': c', 'retry: 1', 'datax: 1');
  const end = fc.constantFrom('\n', '\r\n', '\r');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), end, fc.constantFrom('content', 'choices'), (lines, eol, said) => {
      const text = `data: {}${eol}${lines.map((one) => one + eol).join('')}${eol}`;
      const event = { ...eventOf(text), data: Buffer.from('[1]') };
      const known = said === 'choices' ? /^data:/ : /^(?:data|event):/;
      expect(readableEvent(event, { ...READING, said }) === event).toBe(lines.every((one) => known.test(one)));
    }),
  );
});
