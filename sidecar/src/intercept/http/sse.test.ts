import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSseReader, type SseEvent, withData } from './sse.js';

const read = (chunks: readonly Uint8Array[], maxEventBytes = 1 << 20): SseEvent[] => {
  const reader = createSseReader({ maxEventBytes });
  return chunks.flatMap((chunk) => [...reader.push(chunk)]);
};
const show = (events: readonly SseEvent[]) => events.map(({ type, data, hasId }) => [type, data?.toString(), hasId]);

describe('the event reader', () => {
  test.each<[string, string, unknown[]]>([
    ['one line', 'data: a\n\n', [['', 'a', false]]],
    ['two data lines', 'data: a\ndata: b\n\n', [['', 'a\nb', false]]],
    ['no space after the colon', 'data:a\n\n', [['', 'a', false]]],
    ['only one space is cut', 'data:  a\n\n', [['', ' a', false]]],
    ['no colon', 'data\n\n', [['', '', false]]],
    ['comment', ': hi\n\n', [['', undefined, false]]],
    ['type and id', 'event: x\nid: 1\ndata: a\n\n', [['x', 'a', true]]],
    ['unknown field', 'foo: x\ndata: a\n\n', [['', 'a', false]]],
    ['byte order mark', '\ufeffdata: a\n\n', [['', 'a', false]]],
    ['unfinished', 'data: a\n', []],
    [
      'CR only',
      'data: a\r\rdata: b\r\r',
      [
        ['', 'a', false],
        ['', 'b', false],
      ],
    ],
    [
      'mixed ends',
      'data: a\r\n\rdata: b\n\r\n',
      [
        ['', 'a', false],
        ['', 'b', false],
      ],
    ],
  ])('%s', (_name, text, expected) => {
    expect(show(read([Buffer.from(text)]))).toEqual(expected);
  });

  test('an event ends with its last byte, whatever comes next', () => {
    expect(read([Buffer.from('data: a\r\r')])).toHaveLength(1);
    expect(read([Buffer.from('data: a\r\n\r')])).toHaveLength(1);
  });

  test('an event over the cap throws, in one piece or in many', () => {
    const big = Buffer.from(`data: ${'x'.repeat(200)}\n\n`);
    expect(() => read([big], 100)).toThrow('larger than allowed');
    expect(() => read([big.subarray(0, 150)], 100)).toThrow('larger than allowed');
    expect(() =>
      read(
        [...big].map((byte) => Buffer.from([byte])),
        100,
      ),
    ).toThrow('larger than allowed');
  });

  test('however the bytes are cut, the events are the same and no byte is lost', () => {
    const line = fc.constantFrom('data: дом😀', 'data', 'data:', 'event: message', 'id: 7', ': c', 'retry: 5', '');
    const eol = fc.constantFrom('\n', '\r\n', '\r');
    const text = fc.array(fc.tuple(line, eol), { maxLength: 30 }).map((lines) => lines.flat().join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 20 }), (body, cuts) => {
        const bytes = Buffer.from(body);
        const at = [...new Set(cuts.filter((cut) => cut <= bytes.length))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
        const whole = read([bytes]);
        const parts = read(chunks);
        expect(show(parts)).toEqual(show(whole));
        const kept = Buffer.concat(parts.map(({ raw }) => raw));
        expect(bytes.subarray(0, kept.length).equals(kept)).toBe(true);
      }),
    );
  });

  // With a copy of all that has come for every chunk, or a search of all that is there for every line, these took minutes.
  test('comes to an end with large events, however they are cut and whatever ends their lines', () => {
    const text = Buffer.from(`data: ${'x'.repeat(1 << 20)}\n\n`);
    const reader = createSseReader({ maxEventBytes: 1 << 24 });
    let events = 0;
    for (let at = 0; at < text.length; at += 1) events += reader.push(text.subarray(at, at + 1)).length;
    expect([events, reader.pending]).toEqual([1, 0]);
    for (const end of ['\r', '\n', '\r\n']) {
      const many = Buffer.from(`${`data:${end}`.repeat(1 << 20)}${end}`);
      const [event] = read([many], 1 << 24);
      expect(event?.data?.length).toBe((1 << 20) - 1);
      expect(withData(many, Buffer.from('a')).toString()).toBe(`data: a${end}${end}`);
    }
  });
});
