/** A service says itself for how long what it says may be used; the configuration has the last word. */

import { afterEach, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { ALLOW_ALL, engineOf, snapshotOf } from '../fixtures/policies.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import { createHttpSource, type OpenContextSource } from './http-source.js';
import { httpSourceConfig } from './http-source-config.js';

const SNAPSHOT = snapshotOf(engineOf([ALLOW_ALL]));
let source: OpenContextSource;
afterEach(() => source.close());

/** Asks again after so many milliseconds, and says how often the service was asked. */
async function askedAfter(freshMs: number, afterMs: number): Promise<number> {
  const clock = createFakeClock();
  let asked = 0;
  source = createHttpSource(
    httpSourceConfig.parse({
      name: 'pip',
      url: 'https://pip.test/facts',
      provides: ['agent.trust_level'],
      auth: { type: 'mtls' },
      cacheSeconds: 10,
    }),
    {
      post: async () => {
        asked += 1;
        return { body: Buffer.from(`{"agent":{"trust_level":0.${asked}}}`), freshMs };
      },
      monotonic: clock.monotonic,
      log: createLogger({ component: 'test', level: 'silent' }),
    },
  );
  const ask = async (): Promise<unknown> =>
    source.supplement({ caller: AGENT, request: toolCall('read'), digest: '0', deadline: 1 }, SNAPSHOT);
  expect(await ask()).toEqual({ agent: { trust_level: 0.1 } });
  clock.advance(afterMs);
  expect(await ask()).toEqual({ agent: { trust_level: asked / 10 } });
  return asked;
}

test.each<[string, number, number, number]>([
  ['until its time is over', 2_000, 1_999, 1],
  ['not when its time is over', 2_000, 2_000, 2],
  ['never, when it says so', 0, 0, 2],
  ['for as long as configured, when it says nothing', Number.POSITIVE_INFINITY, 9_999, 1],
  ['never for longer than configured', 3_600_000, 10_000, 2],
])('an answer is used %s', async (_what, freshMs, afterMs, asked) => {
  expect(await askedAfter(freshMs, afterMs)).toBe(asked);
});
