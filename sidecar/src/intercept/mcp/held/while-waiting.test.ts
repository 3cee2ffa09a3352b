/** What else happens while a call waits. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { fail } from '../../../testing/fake-policy-client.js';
import { createHeldPayments, last, stateOf, until } from '../../../testing/held-payments.js';

const { start, close } = createHeldPayments();
afterEach(close);

describe('whatever else happens while a call waits', () => {
  test('a sidecar that ends answers it at once', async () => {
    const { harness, payLegacy } = await start();
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    harness.holds.close();
    expect(last(await waiting).error?.data?.['hold']).toMatchObject({ approval_id: 'approval-1' });
    expect(last(await payLegacy(2)).error?.code).toBe(-31428);
  });

  test('PDPs that cannot be asked are asked again', async () => {
    const { people, client, harness, calls, payLegacy } = await start({ pollMs: 100 });
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    client.behaviour = fail('PDP_UNAVAILABLE');
    const asked = client.asked.length;
    await until(() => client.asked.length > asked + 1);
    client.behaviour = people.behaviour;
    people.approve();
    expect(last(await waiting).result).toBeDefined();
    expect(calls()).toBe(1);
  });

  test('news that come while it is asked about are not missed', async () => {
    const { people, client, harness, payLegacy } = await start();
    let release = (): void => undefined;
    client.behaviour = async (request) => {
      const answer = people.behaviour(request);
      if (people.asked.length === 1) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return answer;
    };
    const waiting = payLegacy();
    await until(() => people.asked.length === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    release();
    expect(last(await waiting).result).toBeDefined();
  });

  test('an approval that is void: who was shown its page is shown the new one, others wait on', async () => {
    const { people, harness, calls, pay, payLegacy } = await start({ pollMs: 100 });
    const shown = pay({ requestState: stateOf(await pay()) });
    await until(() => harness.news.waiting === 1);
    people.open.clear();
    expect(last(await shown).result).toMatchObject({
      inputRequests: { 'portcullis.approval': { params: { url: 'https://console.test/approvals/approval-3' } } },
    });
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    people.open.clear();
    const asked = people.asked.length;
    await until(() => people.asked.length > asked);
    people.approve();
    expect(last(await waiting).result).toBeDefined();
    expect(calls()).toBe(1);
  });

  test("other people's answers, however many, are no reason to ask without end", async () => {
    const { people, harness, payLegacy } = await start();
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    const since = Date.now();
    let told = 0;
    await until(() => {
      told += 1;
      harness.news.told('pdp-1', told);
      return Date.now() > since + 450;
    });
    expect(told).toBeGreaterThan(20);
    expect(people.asked.length).toBeLessThan(8);
    people.approve();
    harness.news.told('pdp-1', 0);
    expect(last(await waiting).result).toBeDefined();
  });

  test('what else is held gets the error at once, with the approval', async () => {
    const { people, client, harness } = await start();
    const behaviour = people.behaviour;
    client.behaviour = (request) => behaviour({ ...request, tool: { ...request.tool, name: 'pay' } });
    const { error } = (await harness.post({ jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'p' } }))
      .json;
    expect([error?.code, error?.data?.['hold']]).toEqual([
      -31428,
      expect.objectContaining({ approval_id: 'approval-1' }),
    ]);
  });
});
