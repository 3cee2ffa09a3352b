/** Calls through the stdio wrapper that people have to agree to. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { fakePeople } from '../../../testing/fake-people.js';
import { call, createStdioHarness } from '../../../testing/stdio-harness.js';
import type { AnswerNews } from '../held/answer-news.js';

const { wrap, close } = createStdioHarness();
afterEach(close);

async function eventuallyWaiting(news: AnswerNews, count: number): Promise<void> {
  while (news.waiting !== count) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('a call that people have to agree to', () => {
  const pay = (id: number, meta: object = {}) => ({
    ...call(id, { to: 'bob' }, 'pay'),
    params: { name: 'pay', arguments: { to: 'bob' }, _meta: meta },
  });

  async function held() {
    const wrapped = await wrap({
      approvals: { waitMs: 60_000, progressMs: 100, page: 'https://console.test/{id}' },
    });
    const people = fakePeople();
    wrapped.client.behaviour = people.behaviour;
    const approve = (): void => {
      people.approve();
      wrapped.news.told('pdp-1', people.asked.length);
    };
    return { wrapped, people, approve };
  }

  test('waits, and holds up nothing behind it', async () => {
    const { wrapped, approve } = await held();
    wrapped.say(pay(1, { progressToken: 'p' }));
    wrapped.say(call(2));
    const signs: unknown[] = [];
    const answer = async () => {
      for (;;) {
        const said = await wrapped.next();
        if (said['method'] === undefined) return said;
        signs.push(said);
      }
    };
    expect(await answer()).toMatchObject({ id: 2, result: { got: 1 } });
    signs.push(...(signs.length > 0 ? [] : [await wrapped.next()]));
    approve();
    expect(await answer()).toMatchObject({ id: 1, result: { got: 2 } });
    expect(signs[0]).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'p' } });
  });

  test('is told of the page when the client can show it', async () => {
    const { wrapped } = await held();
    const capabilities = { elicitation: { url: {} } };
    wrapped.say({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities },
    });
    expect(await wrapped.next()).toMatchObject({ id: 0 });
    wrapped.say(pay(1));
    const elicitations = [{ mode: 'url', elicitationId: 'approval-1', url: 'https://console.test/approval-1' }];
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code: -32042, data: { elicitations } } });
  });

  test('that is cancelled goes nowhere when people agree', async () => {
    const { wrapped, people, approve } = await held();
    wrapped.say(pay(1));
    await eventuallyWaiting(wrapped.news, 1);
    wrapped.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await eventuallyWaiting(wrapped.news, 0);
    approve();
    wrapped.say(call(2));
    // The cancellation and this call are all that the server got.
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 2 } });
    expect(people.used).toEqual([]);
    wrapped.say(pay(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 3 } });
  });

  test('goes nowhere when its agent has left', async () => {
    const { wrapped, people, approve } = await held();
    wrapped.say(pay(1));
    await eventuallyWaiting(wrapped.news, 1);
    wrapped.end();
    await wrapped.done;
    approve();
    expect([people.used, people.asked.length, wrapped.spoken]).toEqual([[], 1, []]);
  });
});
