import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, ContextualRequest, Decision } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { createDesk } from '../approvals/desk.js';
import type { ApprovalStore } from '../approvals/port.js';
import { ALLOW, approvalOf, codes, createPayments, HOLD, release, SET, subject } from '../fixtures/held-payments.js';
import type { ContextSource, Snapshot } from './ports.js';

const payment = createPayments();

describe('a held request', () => {
  test('says whom is asked, until when, and where to look; asking again attaches', async () => {
    const { ask, book, counted } = subject();
    const first = await ask(payment());
    expect([first.effect, first.allow, codes(first)]).toEqual(['hold', false, ['APPROVAL_REQUIRED']]);
    expect(first.conditions).toEqual([
      {
        type: 'require_approval',
        value: {
          hold: 'platform/s0/payments',
          role: 'admin',
          quorum: 1,
          expires_seconds: 3600,
          approval_id: 'a-1',
          state: 'pending',
          expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          poll: '/v1/approvals/a-1',
          poll_seconds: 5,
        },
      },
    ]);
    expect(approvalOf(await ask(payment()))).toBe('a-1');
    expect(book.records.map(({ event, approval_id }) => [event, approval_id])).toEqual([['requested', 'a-1']]);
    expect(book.notices.map(({ event }) => event)).toEqual(['requested']);
    expect(counted.filter((line) => line.startsWith('held'))).toEqual(['held asked', 'held attached']);
  });

  test('that nobody is going to carry out is held without asking anybody, and uses up no agreement', async () => {
    const { ask, agree, counted } = subject();
    const listing = (by: string, source: CanonicalRequest['source'] = 'llm_proxy'): CanonicalRequest =>
      payment({ source, tool: { server: 'bank', name: 'pay', arguments: {}, attributes: { carried_out: by } } });
    const held = await ask(listing('never'));
    expect([held.effect, approvalOf(held), counted.filter((line) => line.startsWith('held'))]).toEqual([
      'hold',
      '',
      [],
    ]);
    // Other PEPs, and what a gateway would have done, are asked about.
    for (const asking of [listing('agent'), listing('never', 'sdk')]) {
      const id = approvalOf(await ask(asking));
      expect(id).not.toBe('');
      await agree(id);
    }
    expect((await ask(listing('never'))).effect).toBe('hold');
    expect((await ask(listing('agent'))).effect).toBe('allow');
  });

  test('is allowed once after people agreed, and held again after that', async () => {
    const { ask, agree, book } = subject();
    const id = approvalOf(await ask(payment()));
    expect(await agree(id)).toBe('approved');
    const request = payment();
    const allowed = await ask(request);
    expect([allowed.effect, allowed.deny, allowed.conditions]).toEqual(['allow', [], []]);
    expect(book.records.at(-1)).toMatchObject({
      event: 'consumed',
      approval_id: id,
      approvers: ['ann'],
      tenant: 'acme',
      agent: 'analyst',
      request_digest: requestDigestHex(request),
    });
    const after = await ask(payment());
    expect(after.effect).toBe('hold');
    expect(approvalOf(after)).not.toBe(id);
  });

  test('100 at once: one is allowed', async () => {
    const { ask, agree } = subject();
    await agree(approvalOf(await ask(payment())));
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(payment())));
    expect(answers.filter(({ allow }) => allow).length).toBe(1);
  });

  test('the very attempt that used it up, asked again as a hedge, is late and never allowed', async () => {
    const { ask, agree } = subject();
    await agree(approvalOf(await ask(payment())));
    const request = payment();
    const answers = await Promise.all([ask(request, 500), ask(request, 500)]);
    expect(answers.map(({ effect }) => effect).toSorted()).toEqual(['allow', 'deny']);
    expect(codes(answers.find(({ allow }) => !allow) as Decision)).toEqual(['APPROVAL_REFUSED']);
  });

  const call = (tool: object): Partial<CanonicalRequest> => ({ tool: { ...payment().tool, ...tool } });
  test.each<[string, Partial<CanonicalRequest>]>([
    ['an argument', call({ arguments: { to: 'bob', amount: 11 } })],
    ['one byte of an argument', call({ arguments: { to: 'boc', amount: 10 } })],
    ['one argument more', call({ arguments: { to: 'bob', amount: 10, x: null } })],
    ['the type of an argument', call({ arguments: { to: 'bob', amount: '10' } })],
    ['another server', call({ server: 'other' })],
    ['another operation', call({ operation: 'tools/other' })],
    ['another attribute', call({ attributes: { a: 1 } })],
    ['another user', { user: { id: 'eve' } }],
    ['another role of the user', { user: { id: 'uma', role: 'boss' } }],
    ['no user', { user: {} }],
    ['another surface', { source: 'sdk' }],
    ['another kind', { kind: 'prompt' }],
    ['another attribute of the agent', { agent: { id: 'analyst', attributes: { a: 1 } } }],
    ['another workspace', { context: { timestamp: '2026-11-21T12:00:00Z', request_id: 'w', workspace_id: 'w' } }],
    ['a peer', { peer: { agent_id: 'x' } }],
    ['an outbound connection', { egress: { host: 'example.com' } }],
  ])('is not let through for %s', async (_name, changes) => {
    const { ask, agree } = subject();
    const id = approvalOf(await ask(payment()));
    await agree(id);
    const other = await ask(payment(changes));
    expect(other.allow).toBe(false);
    expect(approvalOf(other)).not.toBe(id);
    // The change is what made the difference.
    expect((await ask(payment())).allow).toBe(true);
  });

  test.each<[string, Partial<CanonicalRequest>]>([
    ['another session', { context: { timestamp: '2026-11-22T12:00:00Z', request_id: 'q', session_id: 's' } }],
    ['another address', { context: { timestamp: '2026-11-22T12:00:00Z', request_id: 'q', ip: '10.0.0.9' } }],
    ['another trust in the agent', { agent: { id: 'analyst', trust_level: 0.3 } }],
    ['another risk', { intent_risk: { decision: 'REVIEW' } }],
  ])('is the same request with %s', async (_name, changes) => {
    const { ask, agree } = subject();
    await agree(approvalOf(await ask(payment())));
    expect((await ask(payment(changes))).allow).toBe(true);
  });

  test.each<[string, string, (memory: ApprovalStore) => ApprovalStore]>([
    ['a person refuses', 'APPROVAL_REFUSED', (memory) => memory],
    [
      'what people say cannot be found out',
      'APPROVAL_UNAVAILABLE',
      (memory) => ({ ...memory, present: () => Promise.reject(new Error('away')) }),
    ],
  ])('whom a rule notifies is told when %s', async (_name, code, store) => {
    const hold = { ...HOLD, effect: { ...HOLD.effect, notify: ['security'], log_intent_signals: true } };
    const { ask, book, person } = subject([[hold, { ...ALLOW, effect: { type: 'escalate' } }]], {}, store);
    const id = approvalOf(await ask(payment()));
    if (id !== '') await createDesk(book, 1).vote(person(), id, 'deny', 'no');
    const refused = await ask(payment());
    expect([refused.effect, codes(refused)]).toEqual(['deny', [code]]);
    expect(refused.obligations).toEqual([
      { type: 'notify', value: { policy: 'platform/s0/payments', to: ['security'] } },
      { type: 'log_intent_signals', value: true },
    ]);
  });

  test('is refused while a refusal lasts, and asked anew after it', async () => {
    const { ask, book, clock, person } = subject();
    const id = approvalOf(await ask(payment()));
    await createDesk(book, 1).vote(person(), id, 'deny', 'no');
    const refused = await ask(payment());
    expect([refused.effect, codes(refused)]).toEqual(['deny', ['APPROVAL_REFUSED']]);
    clock.advance(3_600_001);
    expect((await ask(payment())).effect).toBe('hold');
  });

  test('is held again when what people agreed to has expired', async () => {
    const { ask, agree, clock } = subject();
    const id = approvalOf(await ask(payment()));
    await agree(id);
    clock.advance(3_600_001);
    const late = await ask(payment());
    expect(late.effect).toBe('hold');
    expect(approvalOf(late)).not.toBe(id);
  });
});

describe('the request is evaluated again', () => {
  /** A fact that changes between two questions. */
  const labels = (current: () => readonly string[]): ContextSource => ({
    name: 'labels',
    provides: ['context.labels'],
    supplement: () => ({ context: { labels: [...current()] } }),
  });
  const DENY = {
    name: 'Tainted',
    when: { field: 'context.labels', operator: 'contains', value: 'tainted' },
    effect: { type: 'deny' },
    priority: 90,
  };
  const REVIEW = { ...DENY, name: 'Review', effect: { type: 'require_hitl', group: 'reviewers' } };

  test('what is denied by now is denied, and says that the approval is used up', async () => {
    let tainted: readonly string[] = [];
    const { ask, agree } = subject([[HOLD, ALLOW], [DENY]], { sources: [labels(() => tainted)] });
    await agree(approvalOf(await ask(payment())));
    tainted = ['tainted'];
    // The rule denies at once, so nothing is used up.
    expect(codes(await ask(payment()))).toEqual(['POLICY_DENIED']);
    tainted = [];
    expect((await ask(payment())).allow).toBe(true);
  });

  test('an approval that the policies do not accept is used up and said to be', async () => {
    const real = release(SET);
    const deaf: Snapshot = {
      ...real,
      engine: {
        ...real.engine,
        evaluate: (request: ContextualRequest) => {
          const verdict = real.engine.evaluate({ ...request, context: { ...request.context, approval: {} } });
          if (request.context.approval === undefined) return verdict;
          return { ...verdict, effect: 'deny', deny: [{ code: 'POLICY_DENIED', message: 'no', path: 'x' }] };
        },
      },
    };
    const s = subject();
    s.publish(deaf);
    const id = approvalOf(await s.ask(payment()));
    await s.agree(id);
    const denied = await s.ask(payment());
    expect([denied.effect, codes(denied)]).toEqual(['deny', ['APPROVAL_REFUSED', 'POLICY_DENIED']]);
    expect(denied.deny[0]?.message).toContain(id);
    expect((await s.book.store.find('acme', id))?.state).toBe('consumed');
  });

  test('rules of several sets are asked about together, and all of them must be agreed to', async () => {
    const tainted = ['tainted'];
    const { ask, agree, book } = subject([[HOLD, ALLOW], [REVIEW]], { sources: [labels(() => tainted)] });
    const held = await ask(payment());
    const id = approvalOf(held);
    expect(held.conditions.map(({ type }) => type)).toEqual(['require_approval', 'require_hitl']);
    expect(await agree(id)).toBe('pending');
    expect((await ask(payment())).allow).toBe(false);
    expect(await agree(id, { id: 'rob', roles: [], groups: ['reviewers'] })).toBe('approved');
    expect((await ask(payment())).allow).toBe(true);
    expect(book.records.find(({ event }) => event === 'consumed')?.approvers).toEqual(['ann', 'rob']);
  });

  test('a quota that holds what people had agreed to is asked about together with it', async () => {
    const quota = {
      name: 'Two payments',
      type: 'rate_limit',
      action: 'escalate',
      priority: 1,
      config: { max_requests: 1, window_seconds: 3600, per: ['tenant'] },
      enabled: true,
    };
    const s = subject([[HOLD, ALLOW], [quota]].map((set) => set));
    await s.agree(approvalOf(await s.ask(payment())));
    expect((await s.ask(payment())).allow).toBe(true);
    await s.agree(approvalOf(await s.ask(payment())));
    const over = await s.ask(payment());
    expect([over.effect, over.allow]).toEqual(['hold', false]);
    const id = approvalOf(over);
    const needs = (await s.book.store.find('acme', id))?.needs ?? [];
    expect(needs.map(({ hold }) => hold)).toEqual(['platform/s0/payments', 'platform/s1/two-payments']);
    await s.agree(id);
    await s.agree(id, { id: 'rob', roles: [], groups: ['reviewers'] }).catch(() => undefined);
    expect((await s.ask(payment())).allow).toBe(true);
  });
});
