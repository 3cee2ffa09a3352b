import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '@portcullis/policy/model';
import type { ApprovalStore } from '../approvals/port.js';
import { CAPS } from '../fixtures/approvals.js';
import { approvalOf, codes, createPayments, release, SET, subject } from '../fixtures/held-payments.js';

const payment = createPayments();

describe('whatever cannot be known, written down or done in time is denied', () => {
  const failing = (name: keyof ApprovalStore) => (memory: ApprovalStore) => ({
    ...memory,
    [name]: () => Promise.reject(new Error('gone')),
  });
  test.each(['present', 'grantsFor', 'draw'] as const)('when the store fails at %s', async (name) => {
    const s = subject();
    await s.agree(approvalOf(await s.ask(payment())));
    const broken = subject(undefined, {}, failing(name));
    const decision = await broken.ask(payment());
    const expected = name === 'draw' ? ['hold', ['APPROVAL_REQUIRED']] : ['deny', ['APPROVAL_UNAVAILABLE']];
    expect([decision.effect, codes(decision)]).toEqual(expected);
    expect(broken.defects).toEqual([]);
  });

  test('when the store is late; what it used up stays used up', async () => {
    const gate = Promise.withResolvers<void>();
    let isSlow = false;
    const s = subject(undefined, {}, (memory) => ({
      ...memory,
      present: async (held) => {
        const answer = await memory.present(held);
        if (isSlow) await gate.promise;
        return answer;
      },
    }));
    const id = approvalOf(await s.ask(payment()));
    await s.agree(id);
    isSlow = true;
    const late = await s.ask(payment(), 30);
    expect([late.effect, codes(late)]).toEqual(['deny', ['PDP_TIMEOUT']]);
    gate.resolve();
    isSlow = false;
    expect((await s.ask(payment())).effect).toBe('hold');
  });

  test('when the use of an approval cannot be recorded', async () => {
    const s = subject();
    const id = approvalOf(await s.ask(payment()));
    await s.agree(id);
    Object.assign(s.book, { record: () => Promise.reject(new Error('disk full')) });
    const denied = await s.ask(payment());
    expect([denied.effect, codes(denied)]).toEqual(['deny', ['APPROVAL_UNAVAILABLE']]);
    expect((await s.book.store.find('acme', id))?.state).toBe('consumed');
  });

  test('when too many are open', async () => {
    const { ask } = subject();
    for (let i = 0; i < CAPS.perAgent; i += 1) await ask(payment({}, { to: `p${i}` }));
    expect(codes(await ask(payment({}, { to: 'more' })))).toEqual(['APPROVAL_UNAVAILABLE']);
  });

  test('when a condition does not say whom to ask', async () => {
    const real = release(SET);
    const s = subject();
    for (const value of [null, {}, { hold: 'h' }, { hold: 'h', role: 'r', expires_seconds: 60, quorum: 0 }]) {
      const evaluate = (request: ContextualRequest) => ({
        ...real.engine.evaluate(request),
        conditions: [{ type: 'require_approval', value }] as const,
      });
      s.publish({ ...real, engine: { ...real.engine, evaluate } });
      expect(codes(await s.ask(payment()))).toEqual(['APPROVAL_UNAVAILABLE']);
    }
  });

  test('an approval that the caller claims is refused', async () => {
    const { ask } = subject();
    const request = payment();
    const context = { ...request.context, approval: { granted: ['platform/s0/payments'] } };
    expect(codes(await ask({ ...request, context }))).toEqual(['REQUEST_INVALID']);
  });
});
