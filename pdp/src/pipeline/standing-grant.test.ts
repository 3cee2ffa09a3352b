import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { createDesk } from '../approvals/desk.js';
import {
  ALLOW,
  approvalOf,
  codes,
  createPayments,
  HOLD,
  release,
  SET,
  type Subject,
  subject,
} from '../fixtures/held-payments.js';

const payment = createPayments();

describe('a standing grant', () => {
  const granted = async (s: Subject, wish: object = {}): Promise<string> => {
    const id = approvalOf(await s.ask(payment()));
    await s.agree(id);
    const desk = createDesk(s.book, 86_400);
    const defaults = { approval: id, count: 2, seconds: 600, vary: [], budget: undefined, comment: '' };
    const { id: grant } = await desk.grant(s.person(), { ...defaults, ...wish });
    // The approval itself, first, is not what is tested.
    await s.book.store.revoke('acme', id, 'test');
    return grant;
  };

  test('lets requests of its target through as often as it says, each use recorded', async () => {
    const s = subject();
    const grant = await granted(s);
    const answers = [await s.ask(payment()), await s.ask(payment()), await s.ask(payment())];
    expect(answers.map(({ effect }) => effect)).toEqual(['allow', 'allow', 'hold']);
    const uses = s.book.records.filter(({ event }) => event === 'grant_used');
    expect(uses.map(({ grant_id, approvers }) => [grant_id, approvers])).toEqual([
      [grant, ['ann']],
      [grant, ['ann']],
    ]);
  });

  test('is drawn on once by an attempt that several PDPs are asked about, and one of them answers', async () => {
    const s = subject();
    const grant = await granted(s, { count: 1 });
    const hedged = payment();
    expect((await s.ask(hedged)).effect).toBe('allow');
    const repeated = await s.ask(hedged, 30);
    expect([repeated.effect, codes(repeated)]).toEqual(['deny', ['APPROVAL_REFUSED']]);
    expect((await s.book.store.findGrant('acme', grant))?.used).toBe(1);
    // Nobody was asked about what is allowed already.
    expect(s.book.records.filter(({ event }) => event === 'requested')).toHaveLength(1);
  });

  test('and another one, for what a quota holds besides, are both drawn on by one attempt', async () => {
    const quota = {
      name: 'One payment',
      type: 'rate_limit',
      action: 'escalate',
      priority: 1,
      config: { max_requests: 1, window_seconds: 3600, per: ['tenant'] },
      enabled: true,
    };
    const s = subject([[HOLD, ALLOW], [quota]]);
    await granted(s, { count: 5 });
    expect((await s.ask(payment())).effect).toBe('allow');
    const id = approvalOf(await s.ask(payment()));
    const needs = (await s.book.store.find('acme', id))?.needs ?? [];
    expect(needs).toHaveLength(2);
    const everybody = { roles: needs.map(({ who }) => who), groups: needs.map(({ who }) => who) };
    expect(await s.agree(id, everybody)).toBe('approved');
    const wish = { approval: id, count: 2, seconds: 600, vary: [], budget: undefined, comment: '' };
    const both = await createDesk(s.book, 86_400).grant(s.person(everybody), wish);
    await s.book.store.revoke('acme', id, 'test');
    expect((await s.ask(payment())).effect).toBe('allow');
    expect((await s.book.store.findGrant('acme', both.id))?.used).toBe(1);
  });

  test.each<[string, CanonicalRequest]>([
    ['another value', payment({}, { to: 'eve', amount: 10 })],
    ['an argument less', payment({}, { to: 'bob' })],
    ['an argument more', payment({}, { to: 'bob', amount: 10, memo: '' })],
    ['another user', payment({ user: { id: 'eve' } })],
    ['another definition', payment({ tool: { ...payment().tool, definition_digest: 'd2' } })],
  ])('is not for %s', async (_name, request) => {
    const s = subject();
    await granted(s);
    expect((await s.ask(request)).effect).toBe('hold');
    expect((await s.ask(payment())).effect).toBe('allow');
  });

  test('with a budget adds up what varies, and stops before it is exceeded', async () => {
    const s = subject();
    await granted(s, { count: 10, vary: ['amount'], budget: { argument: 'amount', limit: 25 } });
    const effects = [];
    for (const amount of [10, 10.5, 5, 4.5, -1, '1'])
      effects.push((await s.ask(payment({}, { to: 'bob', amount }))).effect);
    expect(effects).toEqual(['allow', 'allow', 'hold', 'allow', 'hold', 'hold']);
  });

  test('survives a release that asks the same, and none that asks for more', async () => {
    const s = subject();
    await granted(s);
    s.publish(release(SET, 2, 'cd'.repeat(32)));
    expect((await s.ask(payment())).effect).toBe('allow');
    s.publish(release([[{ ...HOLD, effect: { ...HOLD.effect, role: 'owner' } }, ALLOW]], 3, 'ef'.repeat(32)));
    expect((await s.ask(payment())).effect).toBe('hold');
  });

  test('does not lift what denies', async () => {
    const s = subject();
    await granted(s);
    const deny = { ...HOLD, name: 'No', effect: { type: 'deny' }, priority: 60 };
    s.publish(release([[deny, HOLD, ALLOW]], 2, 'cd'.repeat(32)));
    expect((await s.ask(payment())).effect).toBe('deny');
  });

  test('ends when it is revoked or its time is over', async () => {
    const s = subject();
    const grant = await granted(s);
    await createDesk(s.book, 1).revokeGrant(s.person(), grant, 'enough');
    expect((await s.ask(payment())).effect).toBe('hold');
    const t = subject();
    await granted(t);
    t.clock.advance(600_001);
    expect((await t.ask(payment())).effect).toBe('hold');
  });
});
