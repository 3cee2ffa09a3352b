/** What is kept of a stream that is read to its end first. */

import { expect, test } from '@jest/globals';
import { createSseReader } from '../http/sse.js';
import type { Inference } from './attempts.js';
import { CHAT_COMPLETIONS } from './openai-chat.js';
import { readAhead } from './read-ahead.js';
import type { EventSource } from './stream-pump.js';

const INFERENCE = { endpoint: CHAT_COMPLETIONS, body: {}, wantsUsage: false } as unknown as Inference;
const MAX = 65_536;

/** So many of one event, or fewer where nobody wants more. */
function source(text: string, times: number): { readonly give: EventSource; readonly taken: () => number } {
  let taken = 0;
  return {
    taken: () => taken,
    async give(take) {
      for (const event of createSseReader({ maxEventBytes: 1024 }).push(Buffer.from(text.repeat(times)))) {
        taken += 1;
        if ((await take(event)) !== 'more') return undefined;
      }
      return 'broken off';
    },
  };
}

test.each(['\n', ': waiting\n\n', 'id: 7\n\n'])('of %j, which says nothing, nothing is kept', async (text) => {
  const { give } = source(text, 1_000);
  const { again } = await readAhead(INFERENCE, give, { maxWordBytes: Infinity, maxResponseBytes: MAX });
  let kept = 0;
  const trouble = await again(async () => {
    kept += 1;
    return 'more';
  });
  expect([kept, trouble]).toEqual([0, 'broken off']);
});

test('small events count for what it takes to keep them', async () => {
  const { give, taken } = source('data: {}\n\n', 2_000);
  const { again } = await readAhead(INFERENCE, give, { maxWordBytes: Infinity, maxResponseBytes: MAX });
  expect(taken()).toBeLessThanOrEqual(MAX / 256 + 1);
  expect(await again(async () => 'more')).toBe('too large');
});
