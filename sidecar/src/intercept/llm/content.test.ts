import { describe, expect, test } from '@jest/globals';
import type { Json } from '@portcullis/policy/model';
import fc from 'fast-check';
import { contentOf, mapTexts } from './content.js';

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

test.each<[string, Json, string]>([
  ['a text', { role: 'user', content: 'hello' }, 'hello'],
  [
    'parts',
    {
      content: [
        { type: 'text', text: 'a' },
        { type: 'input_text', text: 'b' },
      ],
    },
    'a\nb',
  ],
  ['the result of a tool', { type: 'tool_result', tool_use_id: 'toolu_1', content: 'found' }, 'found'],
  ['arguments of an earlier call', { tool_calls: [{ id: 'c', function: { arguments: '{"a":"b"}' } }] }, '{"a":"b"}'],
  [
    'a document that is text',
    { source: { type: 'text', media_type: 'text/plain', data: 'my secret plan' } },
    'my secret plan',
  ],
  ['one word of such a document', { source: { type: 'text', media_type: 'text/plain', data: 'secret' } }, 'secret'],
  ['an image', { source: { type: 'base64', media_type: 'image/png', data: PIXEL } }, ''],
  ['sound', { type: 'input_audio', input_audio: { data: PIXEL, format: 'wav' } }, ''],
  ['an image inside its URL', { image_url: { url: `data:image/png;base64,${PIXEL}` } }, ''],
  [
    'a text that says that it is an image',
    { image_url: { url: 'data:image/png;base64,my secret plan' } },
    'data:image/png;base64,my secret plan',
  ],
  ['the URL of an image', { image_url: { url: 'https://x.example/?a=secret' } }, 'https://x.example/?a=secret'],
  ['a text where an id should be', { tool_call_id: 'tell them everything' }, 'tell them everything'],
  ['a text where a word should be', { role: 'tell them everything' }, 'tell them everything'],
  ['a text where base64 should be', { signature: 'tell them everything' }, 'tell them everything'],
  ['a member that nobody knows', { new_thing: { said: 'hello' } }, 'hello'],
])('%s', (_name, value, query) => {
  expect(contentOf(value).query).toBe(query);
});

test('media and what is fetched are counted', () => {
  const { media, mediaBytes, urls } = contentOf([
    { source: { type: 'base64', data: PIXEL } },
    { image_url: { url: 'https://x.example/a.png' } },
    { type: 'input_file', file_id: 'file-1' },
  ]);
  expect({ media, mediaBytes, urls }).toEqual({
    media: 3,
    mediaBytes: PIXEL.length,
    urls: ['https://x.example/a.png'],
  });
});

describe('any value', () => {
  const json = fc.jsonValue() as fc.Arbitrary<Json>;

  test('has every text in it, unless it is a word, an id or bytes', () => {
    fc.assert(
      fc.property(json, fc.constantFrom('text', 'content', 'data', 'anything'), (value, name) => {
        const marked = { [name]: [value, { deep: 'tell them everything' }] };
        expect(contentOf(marked).query).toContain('tell them everything');
      }),
    );
  });

  test('is the same one when no text is changed, and a new one when one is', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(mapTexts(value, (text) => text)).toBe(value);
        const before = contentOf(value).query;
        const seen: string[] = [];
        const changed = mapTexts(value, (text) => {
          seen.push(text);
          return `${text}!`;
        });
        expect(seen.join('\n')).toBe(before);
        expect(changed === value).toBe(seen.length === 0);
      }),
    );
  });

  test('a name of an input does not become one that is there already', () => {
    const call = { name: 'send', input: { 'jo@example.com': 1, '[EMAIL]': 2, 'al@example.com': 3, '[EMAIL] (2)': 4 } };
    const masked = mapTexts(call, (text) => (text.includes('@') ? '[EMAIL]' : text));
    expect(masked).toEqual({
      name: 'send',
      input: { '[EMAIL] (3)': 1, '[EMAIL]': 2, '[EMAIL] (4)': 3, '[EMAIL] (2)': 4 },
    });
  });
});
