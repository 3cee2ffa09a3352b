import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { requestDigestHex } from '@portcullis/proto';
import { systemClock } from '@portcullis/runtime';
import { createAnswerCache } from '../cache/answer-cache.js';
import { askRequest, createBench, until } from './ask-bench.js';
import type { AnswerCache } from './port.js';

jest.setTimeout(30_000);
const bench = createBench();
afterEach(() => bench.close());

const CALM = { deadlineMs: 1_000, hedgeAfterMs: 500, breaker: { volumeThreshold: 1_000, resetTimeoutMs: 2_000 } };
const HINT = { cache: { ttl_seconds: 30, scope: 'tool.name' } };

function newCache(): { readonly cache: AnswerCache; readonly unstored: string[] } {
  let ids = 0;
  const unstored: string[] = [];
  const cache = createAnswerCache({
    limits: { maxEntries: 100, maxBytes: 1_000_000 },
    clock: systemClock,
    newDecisionId: () => {
      ids += 1;
      return `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`;
    },
    observer: { unstored: (reason) => unstored.push(reason) },
  });
  return { cache, unstored };
}

async function stand(count = 1) {
  const { cache, unstored } = newCache();
  const made = await bench.ready(count, CALM, cache);
  for (const pdp of made.pdps)
    pdp.onQuestion = (question) => question.decide({ decision_id: question.requestId, ...HINT });
  return { ...made, cache, unstored, asked: () => made.pdps.reduce((sum, pdp) => sum + pdp.questions, 0) };
}

describe('a client with a cache', () => {
  test('asks once, answers equal requests itself with their own digests, and reports every one of them', async () => {
    const { pdps, client, seen, asked } = await stand();
    await client.ask(askRequest('r0'));
    const ids = Array.from({ length: 20 }, (_, n) => `r${n + 1}`);
    const answers = await Promise.all(ids.map(async (id) => client.ask(askRequest(id))));
    expect(asked()).toBe(1);
    expect(seen.cached).toBe(20);
    expect(answers.map((answer) => answer.kind === 'decision' && answer.decision.request_digest)).toEqual(
      ids.map((id) => requestDigestHex(askRequest(id))),
    );
    await until(() => pdps[0]?.reused.length === 20);
    expect(pdps[0]?.reused.map((reuse) => reuse.reuse_of)).toEqual(ids.map(() => 'r0'));
    expect(new Set(pdps[0]?.reused.map((reuse) => reuse.decision_id)).size).toBe(20);
  });

  test('answers what it has kept at once, and what it has not when somebody has', async () => {
    const { client, asked } = await stand();
    const first = client.ask(askRequest('r0'));
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(client.ask(askRequest('r1'))).toMatchObject({ kind: 'decision', decision: { meta: { cached: true } } });
    await client.close();
    expect(await client.ask(askRequest('r2'))).toMatchObject({ failure: { code: 'SHUTTING_DOWN' } });
    expect(asked()).toBe(1);
  });

  test.each(['publish', 'trust', 'labels', 'kill'] as const)('asks again once %s was told', async (what) => {
    const { pdps, client, cache, asked } = await stand();
    await client.ask(askRequest('r0'));
    expect(cache.entries).toBe(1);
    const [pdp] = pdps;
    if (pdp === undefined) throw new Error('no PDP');
    if (what === 'publish') pdp.publish(2);
    else {
      pdp.counters = { ...pdp.counters, [what]: 5 };
      pdp.tell();
    }
    await until(() => cache.entries === 0);
    expect(await client.ask(askRequest('r1'))).toMatchObject({ decision: { meta: { cached: false } } });
    expect(await client.ask(askRequest('r2'))).toMatchObject({ decision: { meta: { cached: true } } });
    expect(asked()).toBe(2);
  });

  test('does not keep an answer that is overtaken on its way', async () => {
    const { pdps, client, cache, unstored, seen } = await stand();
    const [pdp] = pdps;
    if (pdp === undefined) throw new Error('no PDP');
    pdp.onQuestion = (question) => {
      pdp.counters = { ...pdp.counters, trust: 9 };
      pdp.tell();
      // On another stream: the news is there before the answer is.
      void until(() => seen.epochs.length >= 2).then(() => question.decide({ decision_id: 'old', ...HINT }));
    };
    await client.ask(askRequest('r0'));
    expect(cache.entries).toBe(0);
    expect(unstored).toEqual(['moved']);
  });

  test('serves nothing without a watch, and nothing that was kept before it was lost', async () => {
    const { pdps, client, cache } = await stand();
    await client.ask(askRequest('r0'));
    pdps[0]?.stop();
    await until(() => cache.entries === 0);
    expect(await client.ask(askRequest('r1'))).toMatchObject({ kind: 'failure' });
  });

  test('asks when what it gave is not recorded', async () => {
    const { pdps, client, asked } = await stand();
    const [pdp] = pdps;
    if (pdp === undefined) throw new Error('no PDP');
    pdp.recordsReuses = false;
    await client.ask(askRequest('r0'));
    await client.ask(askRequest('r1'));
    let asks = 2;
    // It goes by itself until the first is overdue.
    await until(() => {
      void client.ask(askRequest(`r${asks}`));
      asks += 1;
      return asked() > 1;
    });
    pdp.recordsReuses = true;
    await until(() => pdp.reused.length > 0);
    expect(pdp.reused.length).toBeLessThan(asks);
  });

  test('refuses a reply about another request as ever', async () => {
    const { pdps, client, cache } = await stand();
    const [pdp] = pdps;
    if (pdp === undefined) throw new Error('no PDP');
    pdp.onQuestion = (question) =>
      question.decide({ ...HINT, request_digest: requestDigestHex(askRequest('another')) });
    expect(await client.ask(askRequest('r0'))).toMatchObject({ failure: { code: 'PDP_REPLY_INVALID' } });
    expect(cache.entries).toBe(0);
    expect(await client.ask(askRequest('another'))).toMatchObject({ kind: 'decision' });
    const hostile = { ...askRequest('r'), user: { id: '\ud800' } };
    expect(await client.ask(hostile)).toMatchObject({ failure: { code: 'REQUEST_INVALID' } });
  });
});
