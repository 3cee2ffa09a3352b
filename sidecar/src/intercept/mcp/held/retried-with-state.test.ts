/** Clients of 2026-07-28: they bring the state back when they make a held call again. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { createHeldPayments, last, stateOf, URL_CLIENT, until } from '../../../testing/held-payments.js';

const { start, close } = createHeldPayments();
afterEach(close);

describe('a client of 2026-07-28', () => {
  test('is asked to show the page, and its retry is carried out once people agreed', async () => {
    const { people, upstream, harness, calls, pay } = await start();
    const held = await pay();
    expect(held.json.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        'portcullis.approval': {
          method: 'elicitation/create',
          params: { mode: 'url', url: 'https://console.test/approvals/approval-1' },
        },
      },
      _meta: { 'portcullis/hold': { approval_id: 'approval-1' } },
    });
    expect(calls()).toBe(0);
    const retried = pay({
      requestState: stateOf(held),
      inputResponses: { 'portcullis.approval': { action: 'accept' } },
    });
    await until(() => harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last(await retried).result).toBeDefined();
    expect([calls(), people.used]).toEqual([1, ['approval-1']]);
    const sent = String(upstream.requests.at(-1)?.body);
    expect(sent).not.toMatch(/requestState|inputResponses|portcullis/);
  });

  test('that cannot show pages gets the state alone; so does one that shows forms only', async () => {
    const { pay } = await start();
    for (const capabilities of [{}, { elicitation: {} }]) {
      const { result } = (await pay({}, capabilities)).json;
      expect([result?.['resultType'], typeof result?.['requestState'], result?.['inputRequests']]).toEqual([
        'input_required',
        'string',
        undefined,
      ]);
    }
  });

  test('without a configured page nobody is shown one', async () => {
    const { pay } = await start({ page: undefined });
    expect((await pay()).json.result?.['inputRequests']).toBeUndefined();
  });

  test('is asked again when nobody answered while it waited', async () => {
    const { pay } = await start({ waitMs: 50 });
    const again = last(await pay({ requestState: stateOf(await pay()) }));
    expect(again.result).toMatchObject({
      resultType: 'input_required',
      _meta: { 'portcullis/hold': { approval_id: 'approval-1' } },
    });
  });

  test('what it brought back for the server travels in ours, and goes to the server as it was', async () => {
    const { people, upstream, pay } = await start();
    const theirs = {
      requestState: 'of the server',
      inputResponses: { colour: { action: 'accept', content: { c: 'green' } } },
    };
    const held = await pay(theirs);
    expect(held.text).not.toContain('of the server');
    people.approve();
    const done = await pay({ requestState: stateOf(held) });
    expect(last(done).result).toBeDefined();
    const { params } = JSON.parse(String(upstream.requests.at(-1)?.body)) as { params: object };
    expect(params).toMatchObject(theirs);
    expect(people.asked.at(-1)?.tool?.attributes).toEqual(people.asked[0]?.tool?.attributes);
  });

  test('whose user does not want to see the page is told of the hold at once', async () => {
    const { pay } = await start();
    const state = stateOf(await pay());
    const { error } = last(
      await pay({ requestState: state, inputResponses: { 'portcullis.approval': { action: 'decline' } } }),
    );
    expect([error?.code, error?.data?.['hold']]).toEqual([
      -31428,
      expect.objectContaining({ approval_id: 'approval-1' }),
    ]);
  });

  test.each<[string, (state: string) => object]>([
    ['changed', (state) => ({ requestState: `${state.slice(0, -2)}${state.endsWith('AA') ? 'BB' : 'AA'}` })],
    ['made up', () => ({ requestState: 'portcullis.held.1.AAAA' })],
    ['of other arguments', (state) => ({ requestState: state, arguments: { to: 'eve' } })],
    ['of another tool', (state) => ({ requestState: state, name: 'pay', task: {} })],
  ])('with a state that is %s is refused, and nobody is asked', async (_what, params) => {
    const { people, calls, pay } = await start();
    const state = stateOf(await pay());
    people.approve();
    const { error } = last(await pay(params(state)));
    expect([error?.code, error?.message]).toEqual([-32602, expect.stringContaining('requestState')]);
    expect([people.asked.length, calls()]).toEqual([1, 0]);
  });

  test('with a state that has expired is refused', async () => {
    const { people, calls, pay } = await start();
    people.expiresInMs = 1;
    const state = stateOf(await pay());
    const sealedAt = Date.now();
    await until(() => Date.now() > sealedAt + 5);
    people.approve();
    const { error } = last(await pay({ requestState: state }));
    expect([error?.code, error?.message]).toEqual([-32602, expect.stringContaining('expired')]);
    expect(calls()).toBe(0);
  });

  test('with a state that was used is refused, and people are not asked again', async () => {
    const { people, calls, pay } = await start();
    const state = stateOf(await pay());
    people.approve();
    expect(last(await pay({ requestState: state })).result).toBeDefined();
    const { error } = last(await pay({ requestState: state }));
    expect([error?.code, error?.message]).toEqual([-32602, expect.stringContaining('used up')]);
    expect([calls(), people.open.size]).toEqual([1, 0]);
  });

  test('ten retries at once: one is carried out, and nobody is asked a second time', async () => {
    const { people, calls, pay } = await start();
    const state = stateOf(await pay());
    people.approve();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, id) => pay({ requestState: state }, URL_CLIENT, id)),
    );
    expect(answers.filter((answer) => last(answer).result !== undefined).length).toBe(1);
    expect([calls(), people.used, people.open.size]).toEqual([1, ['approval-1'], 0]);
  });

  test('a refusal of people ends the waiting', async () => {
    const { people, harness, calls, pay } = await start();
    const retried = pay({ requestState: stateOf(await pay()) });
    await until(() => harness.news.waiting === 1);
    people.refused = true;
    harness.news.told('pdp-1', 1);
    expect(last(await retried).error?.data?.['code']).toBe('APPROVAL_REFUSED');
    expect(calls()).toBe(0);
  });
});
