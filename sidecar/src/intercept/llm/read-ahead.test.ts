/** What a stream says is looked at first: the same texts, in the same order, as its reader meets afterwards. */

import { expect, test } from '@jest/globals';
import { redactionRules, type Span } from '@portcullis/policy/content';
import fc from 'fast-check';
import type { Look } from '../../redact/look.js';
import { textAnswer } from '../../redact/texts.js';
import { chunk, DONE, eventText, messageEvents, responseEvents } from '../../testing/provider-wire.js';
import { createSseReader, type SseEvent } from '../http/sse.js';
import { readableEvent } from './answer-frame.js';
import type { Underway } from './attempts.js';
import type { Heard } from './content-filters.js';
import { type Endpoint, StreamFault } from './endpoint.js';
import { ENDPOINTS } from './endpoints.js';
import { createReadAhead } from './read-ahead.js';

const NAME = 'Ada Lovelace';
const WORDS = `It was ${NAME}, and nobody else. `.repeat(8);
const look: Look = async () => ({ extra: namesIn, outcome: 'answered' });

function namesIn(text: string): readonly Span[] {
  return Array.from(text.matchAll(/Ada Lovelace/g), ({ index }) => ({
    type: 'PERSON',
    start: index,
    end: index + NAME.length,
  }));
}

const eventsOf = (events: readonly unknown[]): readonly SseEvent[] =>
  createSseReader({ maxEventBytes: 1 << 20 }).push(Buffer.from(events.map(eventText).join('')));
const underway = (endpoint: Endpoint): Underway => ({ endpoint, wantsUsage: true }) as unknown as Underway;

/** What an agent gets of events that come in such batches; `evil` is refused. */
async function through(endpoint: Endpoint, batches: readonly (readonly SseEvent[])[]): Promise<string> {
  const filter = textAnswer([{ rules: redactionRules([], () => '<>'), look }]);
  const { look: lookAt } = filter;
  if (lookAt === undefined) throw new Error('nobody looks');
  const ahead = createReadAhead(underway(endpoint), { look: lookAt, repeats: true });
  const reader = endpoint.stream?.({
    wantsUsage: true,
    tools: {
      ...filter,
      isActive: true,
      ofCall: filter.whole,
      beside: () => undefined,
      decide: async ({ name }) => (name === 'evil' ? 'refused' : undefined),
    },
  });
  if (reader === undefined) throw new Error('nothing is streamed here');
  const sent: Buffer[] = [];
  try {
    for (const batch of batches) {
      await ahead(batch);
      for (const event of batch) {
        sent.push(
          ...(await reader.push(readableEvent(event, { said: endpoint.said, change: filter.whole, repeats: true }))),
        );
        if (reader.ended) return Buffer.concat(sent).toString();
      }
    }
  } catch (thrown) {
    // Anything else would be a text that nobody has looked at.
    if (!(thrown instanceof StreamFault)) throw thrown;
  }
  return Buffer.concat(sent).toString();
}

const CALLS = ['evil', 'look'].map((name) => ({ name, pieces: ['{"to":"Ada Lo', 'velace"}'] }));
test.each<['chat.completions' | 'messages' | 'responses', readonly unknown[]]>([
  [
    'chat.completions',
    [
      chunk({ role: 'assistant', content: '' }, null, { note: `by ${NAME}` }),
      ...(WORDS.match(/.{1,5}/gs) ?? []).map((content) => chunk({ content })),
      chunk({ reasoning: `I know ${NAME}`, note: { deep: NAME } }),
      ...CALLS.map(({ name, pieces }, index) =>
        chunk({ tool_calls: [{ index, id: `c${index}`, function: { name, arguments: pieces.join('') } }] }),
      ),
      chunk({}, 'tool_calls'),
      DONE,
    ],
  ],
  ['messages', [...messageEvents([WORDS, ...CALLS, `{"by":"${NAME}"}`], 'tool_use'), { type: 'ping', note: NAME }]],
  ['responses', responseEvents([WORDS, ...CALLS.map(({ name, pieces }) => ({ name, args: pieces.join('') }))])],
])('%s, with events left out, twice or in any order, and however they come', async (operation, stream) => {
  const endpoint = ENDPOINTS[operation];
  const all = eventsOf(stream);
  const whole = await through(endpoint, [all]);
  expect(whole).toContain('It was <>, and');
  expect(whole).not.toContain('Lovelace');
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.constant(all), fc.subarray([...all]), fc.array(fc.constantFrom(...all), { maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
      async (events, sizes) => {
        const batches: SseEvent[][] = [];
        for (let at = 0, turn = 0; at < events.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          batches.push(events.slice(at, at + size));
          at += size;
        }
        expect(await through(endpoint, batches)).not.toContain(NAME);
      },
    ),
    { numRuns: 300 },
  );
});

test('what comes together is looked at in one go, and nothing behind the end', async () => {
  const looks: (readonly Heard[])[] = [];
  const ahead = createReadAhead(underway(ENDPOINTS['chat.completions']), {
    repeats: true,
    look: async (heard) => void looks.push(heard),
  });
  await ahead(eventsOf([': waiting\n\n', chunk({ content: 'a' }), chunk({ content: 'b' })]));
  await ahead(eventsOf([chunk({ role: 'assistant' })]));
  await ahead(eventsOf([chunk({}, 'stop'), DONE, chunk({ content: 'c' })]));
  await ahead(eventsOf([chunk({ content: 'd' })]));
  expect(looks).toEqual([
    [
      { channel: '0.content', piece: 'a' },
      { channel: '0.content', piece: 'b' },
    ],
    [{ channel: '0.content', piece: undefined }],
  ]);
});
