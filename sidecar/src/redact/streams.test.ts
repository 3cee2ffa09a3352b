import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { type RedactionRules, redactionRules, redactJson, typesOfDetectors } from '@portcullis/policy/content';
import { decompressed, redactingText } from './body.js';
import { ANTHROPIC_DELTAS, type DeltaAdapter, OPENAI_DELTAS } from './deltas.js';
import { createEventRedactor } from './event-stream.js';

// In pieces, so that no scanner of repositories takes them for real ones.
const CORPUS: readonly string[] = [
  '4111 1111 1111 1111',
  '378282246310005',
  'DE89 3704 0044 0532 0130 00',
  'jo.o-neill+x@mail.example.co.uk',
  'jürgen@büro.example.de',
  '+44 20 7946 0958',
  '219-09-9998',
  '203.0.113.7',
  '2001:db8::8a2e:370:7334',
  'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
  'RSSMRA85T10A562S',
  '85.07.30-033 28',
  '15108695088',
  '756.9217.0769.85',
  'BOXW310820HNERXN09',
  ['AK', 'IAQ3EGR7VXK2MZP5TL'].join(''),
  ['gh', 'p_9fK2mQ7xLr4TzWb8VnYc3HsJd6Gp1AeUo5Ri'].join(''),
  ['eyJ', 'hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ'].join(''),
  ['-----BEGIN RSA PRIVATE ', 'KEY-----\nMIIEpAIBAAKCAQ\n-----END RSA PRIVATE ', 'KEY-----'].join(''),
  ['npm', '_', 'a8Kd03mZxQ72Lp5Vn4Tr91Wc6Yb0Hj3Sg8Fe'].join(''),
];
const BEFORE = 'Guten Tag, schöne Grüße 😀: ';
const AFTER = ' – and that is all there was to say about it, thank you.';
const REDACTED = `${BEFORE}<>${AFTER}`;
const RULES: RedactionRules = redactionRules(
  typesOfDetectors(['email', 'phone', 'card', 'iban', 'ssn', 'national_id', 'ip', 'crypto', 'secret']),
  () => '<>',
);

const chat = (delta: object, finish: string | null = null): string =>
  JSON.stringify({ id: 'c-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] });
const APIS: readonly {
  readonly name: string;
  readonly adapter: DeltaAdapter;
  readonly events: (pieces: readonly string[]) => readonly string[];
  readonly textOf: (data: string) => string;
}[] = [
  {
    name: 'OpenAI',
    adapter: OPENAI_DELTAS,
    events: (pieces) => [
      ...[chat({ role: 'assistant' }), ...pieces.map((content) => chat({ content })), chat({}, 'stop')].map(
        (data) => `data: ${data}\n\n`,
      ),
      'data: [DONE]\n\n',
    ],
    textOf(data) {
      if (data === '[DONE]') return '';
      return (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? '';
    },
  },
  {
    name: 'Anthropic',
    adapter: ANTHROPIC_DELTAS,
    events: (pieces) => [
      'event: message_start\ndata: {"type": "message_start", "message": {"id": "m-1"}}\n\n',
      ...pieces.map(
        (text) =>
          `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })}\n\n`,
      ),
      ': ping\n\n',
      'event: content_block_stop\ndata: {"type": "content_block_stop", "index": 0}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    textOf: (data) => (JSON.parse(data) as { delta?: { text?: string } }).delta?.text ?? '',
  },
];

function through(adapter: DeltaAdapter, chunks: readonly Uint8Array[]): string {
  const redactor = createEventRedactor({ adapter, rules: RULES, maxEventBytes: 65_536 });
  return Buffer.concat([...chunks.flatMap((chunk) => redactor.push(chunk)), ...redactor.end()]).toString();
}

const dataOf = (events: string): readonly string[] =>
  events.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));

async function bytesOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[]);
}

describe.each(APIS)('a text in the events of $name', ({ adapter, events, textOf }) => {
  test.each(CORPUS)('holds no %j, wherever it is split over two events', (value) => {
    const text = BEFORE + value + AFTER;
    for (let cut = BEFORE.length - 1; cut <= BEFORE.length + value.length + 1; cut += 1) {
      const sent = events([text.slice(0, cut), text.slice(cut)]);
      const got = through(adapter, [Buffer.from(sent.join(''))]);
      expect([cut, dataOf(got).map(textOf).join('')]).toEqual([cut, REDACTED]);
      // Everything but the pieces is as it was.
      for (const event of sent.filter((one) => !one.includes('_delta') && !one.includes('"content"')))
        expect(got).toContain(event);
    }
  });

  test('comes out as it went in when nothing is found, however it is cut', () => {
    const sent = Buffer.from(events(['schöne, ', 'Grüße 😀 ', 'and words,\n']).join(''));
    for (let cut = 0; cut <= sent.length; cut += 1) {
      expect(through(adapter, [sent.subarray(0, cut), sent.subarray(cut)])).toBe(sent.toString());
    }
  });

  test('what is held back at its end comes before its end', () => {
    const got = through(adapter, [Buffer.from(events(['the card is ', '4111 1111 1111 ', '1112 1']).join(''))]);
    expect(dataOf(got).map(textOf).join('')).toBe('the card is 4111 1111 1111 1112 1');
    expect(got.indexOf('1112 1')).toBeLessThan(got.search(/"stop"|content_block_stop/));
  });

  test('holds nothing wherever the bytes are cut', () => {
    const sent = Buffer.from(events([`${BEFORE}4111 11`, `11 1111 1111${AFTER}`]).join(''));
    for (let cut = 0; cut <= sent.length; cut += 1) {
      const got = through(adapter, [sent.subarray(0, cut), sent.subarray(cut)]);
      expect([cut, dataOf(got).map(textOf).join('')]).toEqual([cut, REDACTED]);
    }
  });
});

describe('a plain text', () => {
  test.each(CORPUS)('holds no %j, wherever its bytes are cut', async (value) => {
    const bytes = Buffer.from(BEFORE + value + AFTER);
    const from = Buffer.byteLength(BEFORE) - 2;
    for (let cut = from; cut <= from + Buffer.byteLength(value) + 4; cut += 1) {
      const got = await bytesOf(
        Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]).pipe(redactingText(RULES)),
      );
      expect([cut, got.toString()]).toEqual([cut, REDACTED]);
    }
  });

  test('compressed, holds nothing wherever the compressed bytes are cut', async () => {
    const bytes = gzipSync(BEFORE + CORPUS[0] + AFTER);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const body = Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]);
      const got = await bytesOf(decompressed(body, 'gzip', 1_000).pipe(redactingText(RULES)));
      expect([cut, got.toString()]).toEqual([cut, REDACTED]);
    }
  });

  test('that is no UTF-8 is an error, and so are a bomb, a broken archive and an unknown encoding', async () => {
    await expect(bytesOf(Readable.from([Buffer.from([0x61, 0xff])]).pipe(redactingText(RULES)))).rejects.toThrow();
    const bomb = gzipSync(Buffer.alloc(100_000, 0x61));
    await expect(bytesOf(decompressed(Readable.from([bomb]), 'gzip', 1_000))).rejects.toThrow('larger');
    await expect(bytesOf(decompressed(Readable.from([Buffer.from('no')]), 'gzip', 1_000))).rejects.toThrow();
    expect(() => decompressed(Readable.from([]), 'gzip, br', 1_000)).toThrow(RangeError);
  });
});

describe('JSON', () => {
  test.each(CORPUS)('holds no %j, whichever of its characters is an escape', (value) => {
    const before = JSON.stringify(BEFORE).slice(0, -1);
    const after = JSON.stringify(AFTER).slice(1);
    const written = value.split('').map((unit) => JSON.stringify(unit).slice(1, -1));
    for (let at = 0; at < value.length; at += 1) {
      const hidden = `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`;
      const source = `{ "x" :${before}${written.with(at, hidden).join('')}${after} }`;
      expect([at, redactJson(source, { rules: RULES })]).toEqual([at, `{ "x" :${before}<>${after} }`]);
    }
  });
});
