/**
 * Values that must not leak, cut at every place: by events of a stream, and by chunks at every byte, as they are or with every
 * character escaped. None comes through on any surface, the stream ends as it would, and nothing else of it is altered.
 */

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { allow, fakePolicyClient } from '../testing/fake-policy-client.js';
import { SENSITIVE_VALUES } from '../testing/sensitive-values.js';
import { type Said, SPLIT_WIRES, type SplitSurface, type SplitWire } from '../testing/split-wires.js';

// Thousands of events over real sockets.
jest.setTimeout(120_000);

const BEFORE = 'Guten Tag, schöne Grüße 😀: ';
const AFTER = ' – and that is all there was to say about it.\n';
const WANTED = BEFORE + AFTER;
const ORDER = {
  detectors: ['email', 'phone', 'card', 'iban', 'ssn', 'national_id', 'ip', 'crypto', 'secret'],
  method: 'drop',
  direction: 'response',
};

type Encoding = (text: string) => string;
const PLAIN: Encoding = (text) => JSON.stringify(text).slice(1, -1);
const ESCAPED: Encoding = (text) =>
  Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

const isSaid = (frame: object): frame is Said => 'frame' in frame;

/** The bytes of each frame. */
function bytesOf({ frames, event }: SplitWire, texts: readonly string[], encode: Encoding): Buffer[] {
  return frames(texts).map((one) => {
    if (typeof one === 'string') return Buffer.from(one);
    if (!isSaid(one)) return Buffer.from(event(one, JSON.stringify(one)));
    const message = one.frame('\0');
    return Buffer.from(
      event(
        message,
        JSON.stringify(message).replace('\\u0000', () => encode(one.text)),
      ),
    );
  });
}

const eventsOf = (raw: string): readonly string[] => raw.split('\n\n').filter((event) => event !== '');
const dataOf = (event: string): never => JSON.parse(event.slice(event.indexOf('data: ') + 6)) as never;
const textIn = ({ textOf }: SplitWire, event: string): string | undefined =>
  event.endsWith('[DONE]') ? undefined : textOf(dataOf(event));
const heard = (wire: SplitWire, raw: string): string =>
  eventsOf(raw)
    .map((event) => textIn(wire, event) ?? '')
    .join('');
const others = (wire: SplitWire, raw: string): readonly string[] =>
  eventsOf(raw).filter((event) => textIn(wire, event) === undefined);
/** The frames of an answer that says the same so often. */
const repeated = (wire: SplitWire, text: string, count: number): readonly Buffer[] =>
  bytesOf(
    wire,
    Array.from({ length: count }, () => text),
    PLAIN,
  );

/** Texts of events, cut at every place of the value, and a little around it; never inside of a character, which JSON cannot say. */
function cutByEvents(value: string): readonly string[] {
  const text = BEFORE + value + AFTER;
  const cuts = Array.from({ length: value.length + 3 }, (_, at) => BEFORE.length - 1 + at);
  return cuts
    .filter((at) => !/[\ud800-\udbff]$/.test(text.slice(0, at)))
    .flatMap((at) => [text.slice(0, at), text.slice(at)]);
}

/** Chunks that end in each frame with the value at another byte of it: at `first`, and at those after it. */
function cutByChunks(frames: readonly Buffer[], value: string, first: number): Buffer[] {
  const inside = Buffer.from(PLAIN(value));
  const chunks: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let cut = first;
  for (const frame of frames) {
    const at = cut > inside.length ? -1 : frame.indexOf(inside);
    if (at === -1) rest = Buffer.concat([rest, frame]);
    else {
      chunks.push(Buffer.concat([rest, frame.subarray(0, at + cut)]));
      rest = frame.subarray(at + cut);
      cut += 1;
    }
  }
  return [...chunks, rest];
}

/** The same bytes, those of the value one by one. */
function byteByByte(all: Buffer, value: string): Buffer[] {
  const inside = Buffer.from(ESCAPED(value));
  const at = all.indexOf(inside);
  return [
    all.subarray(0, at),
    ...Array.from(inside, (_, index) => all.subarray(at + index, at + index + 1)),
    all.subarray(at + inside.length),
  ];
}

describe.each(Object.entries(SPLIT_WIRES))('%s', (_name, wire) => {
  const client = fakePolicyClient(allow({ conditions: [{ type: 'redact', value: ORDER }] }));
  let surface: SplitSurface;
  beforeAll(async () => {
    surface = await wire.start(client);
  });
  afterAll(() => surface.close());

  function expectIntact(raw: string, sent: number, plain: readonly Buffer[]): void {
    const wanted = Buffer.concat(plain).toString();
    if (wire.isStream) {
      expect(heard(wire, raw)).toBe(WANTED.repeat(sent));
      expect(others(wire, raw)).toEqual(others(wire, wanted));
    } else expect(raw).toBe(wanted);
  }

  if (wire.isStream)
    test.each(SENSITIVE_VALUES)('%s: cut by events', async (value) => {
      const pieces = cutByEvents(value);
      const lines = pieces.length / 2;
      const raw = await surface.ask([Buffer.concat(bytesOf(wire, pieces, PLAIN))]);
      expectIntact(raw, lines, repeated(wire, WANTED, lines));
    });

  test.each(SENSITIVE_VALUES)('%s: cut by chunks at every byte', async (value) => {
    const places = Buffer.byteLength(PLAIN(value)) + 1;
    for (let first = 0; first < places; first += wire.most) {
      const count = Math.min(wire.most, places - first);
      const raw = await surface.ask(cutByChunks(repeated(wire, BEFORE + value + AFTER, count), value, first));
      expectIntact(raw, count, repeated(wire, WANTED, count));
    }
  });

  test.each(SENSITIVE_VALUES)('%s: with every character escaped, byte by byte', async (value) => {
    const raw = await surface.ask(byteByByte(Buffer.concat(bytesOf(wire, [BEFORE + value + AFTER], ESCAPED)), value));
    expectIntact(raw, 1, bytesOf(wire, [WANTED], ESCAPED));
  });

  if (wire !== SPLIT_WIRES['stdio'])
    test.each<[string, (bytes: Buffer) => Buffer]>([
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
      ['x-unknown', (bytes) => bytes],
    ])('what is encoded (%s) cannot be looked into, and does not pass', async (encoding, encode) => {
      const [value = ''] = SENSITIVE_VALUES;
      const bytes = encode(Buffer.concat(bytesOf(wire, [BEFORE + value + AFTER], PLAIN)));
      const raw = await surface.ask([bytes], { 'content-encoding': encoding });
      expect(raw).toMatch(/UPSTREAM_FAILED|failed: its answer is compressed/);
      expect([raw.includes(value), raw.includes('Guten Tag')]).toEqual([false, false]);
    });
});
