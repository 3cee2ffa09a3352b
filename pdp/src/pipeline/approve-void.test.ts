import { describe, expect, test } from '@jest/globals';
import {
  ALLOW,
  approvalOf,
  createPayments,
  HOLD,
  PAY,
  release,
  SET,
  type Subject,
  subject,
} from '../fixtures/held-payments.js';

const payment = createPayments();

describe('what people agreed to is void', () => {
  test.each([
    [
      'release',
      (s: Subject) => s.publish(release([[{ ...HOLD, priority: 51 }, ALLOW]], 2, 'cd'.repeat(32))),
      {},
      'another release',
    ],
    ['definition', () => undefined, { tool: { ...payment().tool, definition_digest: 'd2' } }, 'definition is another'],
    [
      'terms',
      (s: Subject) => s.publish(release([[{ ...HOLD, effect: { ...HOLD.effect, quorum: 2 } }, ALLOW]])),
      {},
      'something else now',
    ],
  ] as const)('after a change of the %s', async (reason, change, changes, message) => {
    const s = subject();
    const id = approvalOf(await s.ask(payment()));
    await s.agree(id);
    change(s);
    const held = await s.ask(payment(changes));
    expect(held.effect).toBe('hold');
    expect(held.deny[0]?.message).toContain(message);
    expect(s.book.records.slice(-2).map(({ event, approval_id, comment }) => [event, approval_id, comment])).toEqual([
      ['void', id, reason],
      ['requested', approvalOf(held), undefined],
    ]);
    expect((await s.book.store.find('acme', id))?.state).toBe('revoked');
  });

  test('not after a release with the same content', async () => {
    const s = subject();
    await s.agree(approvalOf(await s.ask(payment())));
    s.publish(release(SET, 9));
    expect((await s.ask(payment())).allow).toBe(true);
  });
});

describe('a release that matters', () => {
  const OTHER = { name: 'Other', when: { ...PAY, value: 'read' }, effect: { type: 'allow' }, priority: 90 };
  const MASK = { detectors: ['card'], method: 'mask' };
  const REDACT = { name: 'Mask', when: PAY, effect: { type: 'redact', redact_config: MASK }, priority: 70 };
  const CARELESS = { ...REDACT, effect: { type: 'redact', redact_config: { ...MASK, detectors: ['email'] } } };
  const TWO = { ...HOLD, effect: { ...HOLD.effect, quorum: 2 } };
  const NARROWER = { operator: 'and', conditions: [PAY, { field: 'tool.server', operator: 'equals', value: 'bank' }] };

  test.each<[string, readonly object[], readonly object[]]>([
    ['changes nothing', SET, SET],
    ['adds a policy that does not speak of the request', SET, [[HOLD, ALLOW, OTHER]]],
    [
      'changes a policy that does not speak of the request',
      [[OTHER, HOLD, ALLOW]],
      [[{ ...OTHER, priority: 3 }, HOLD, ALLOW]],
    ],
    ['adds a set that does not speak of the request', SET, [[HOLD, ALLOW], OTHER]],
    ['changes what comes after the hold and cannot matter', SET, [[HOLD, { ...ALLOW, priority: 9 }]]],
  ])('none is one that %s: the approval stands', async (_name, before, after) => {
    const s = subject(before);
    const id = approvalOf(await s.ask(payment()));
    s.publish(release(after, 2, 'cd'.repeat(32)));
    expect(approvalOf(await s.ask(payment()))).toBe(id);
    await s.agree(id);
    s.publish(release(before, 3, 'ef'.repeat(32)));
    expect((await s.ask(payment())).allow).toBe(true);
    expect(s.book.records.map(({ event }) => event)).toEqual(['requested', 'approve', 'consumed']);
  });

  test.each<[string, readonly object[], readonly object[]]>([
    ['the condition of the rule that holds', SET, [[{ ...HOLD, when: NARROWER }, ALLOW]]],
    ['its precedence', SET, [[{ ...HOLD, priority: 40 }, ALLOW]]],
    ['its quorum', SET, [[TWO, ALLOW]]],
    ['its role', SET, [[{ ...HOLD, effect: { ...HOLD.effect, role: 'owner' } }, ALLOW]]],
    ['what else is done to the request', [[REDACT, HOLD, ALLOW]], [[CARELESS, HOLD, ALLOW]]],
    ['what is no longer done to the request', [[REDACT, HOLD, ALLOW]], SET],
    ['that another rule speaks, too', SET, [[REDACT, HOLD, ALLOW]]],
    ['that a set of its own speaks, too', SET, [[HOLD, ALLOW], REDACT]],
  ])('is one that changes %s', async (_name, before, after) => {
    const s = subject(before);
    const id = approvalOf(await s.ask(payment()));
    await s.agree(id);
    s.publish(release(after, 2, 'cd'.repeat(32)));
    const held = await s.ask(payment());
    expect([held.effect, approvalOf(held) === id]).toEqual(['hold', false]);
    expect((await s.book.store.find('acme', id))?.why).toBe('release');
  });

  test('is one that takes the rule away, or forbids: what people agreed to does not make up for it', async () => {
    const deny = { name: 'No', when: PAY, effect: { type: 'deny' }, priority: 90 };
    const s = subject();
    await s.agree(approvalOf(await s.ask(payment())));
    s.publish(release([[deny, HOLD, ALLOW]], 2, 'cd'.repeat(32)));
    expect((await s.ask(payment())).effect).toBe('deny');
  });
});
