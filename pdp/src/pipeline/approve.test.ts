import { describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle } from '@portcullis/policy';
import type { CanonicalRequest, ContextualRequest, Decision, JsonObject } from '@portcullis/policy/model';
import { createRequestParser, requestDigestHex } from '@portcullis/proto';
import { createDesk } from '../approvals/desk.js';
import { createMemoryApprovalStore } from '../approvals/memory.js';
import type { Person } from '../approvals/people.js';
import type { ApprovalStore } from '../approvals/port.js';
import { CAPS, createTestBook, type TestBook } from '../fixtures/approvals.js';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { createRecorder } from '../fixtures/recorders.js';
import { must } from '../fixtures/repository.js';
import { GATEWAY, toolCall } from '../fixtures/requests.js';
import { createMemoryQuotaStore } from '../quota/memory.js';
import { createDecide, type DecideParts } from './decide.js';
import type { ContextSource, Snapshot } from './ports.js';

const parseRequest = createRequestParser();
const PAY = { field: 'tool.name', operator: 'equals', value: 'pay' };
const HOLD = { name: 'Payments', when: PAY, effect: { type: 'require_approval', role: 'admin' }, priority: 50 };
const ALLOW = { name: 'Allow', when: PAY, effect: { type: 'allow' }, priority: 10 };

/** A release of these policies. */
function release(policies: readonly object[], releaseSeq = 1, bundleDigest = 'ab'.repeat(32)): Snapshot {
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const set = { layer: 'platform', combining: 'priority', priority_order: 'desc' };
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'b',
    version: '1.0.0',
    sets: policies.map((_policy, index) => ({ ...set, name: `s${index}`, policies: `p${index}` })),
  };
  const files = new Map([
    ['bundle.yaml', text(manifest)],
    ...policies.map((policy, index) => [`p${index}/a.json`, text([policy].flat())] as const),
  ]);
  return { engine: linkBundle(must(compileBundle(files))), releaseSeq, bundleDigest, policyVersion: '1.0.0' };
}

/** The gateway's word about users counts. */
const USERS: NonNullable<DecideParts['users']> = {
  assertedBy: new Set(['edge']),
  verify: () => Promise.reject(new Error('no tokens here')),
};

interface Subject {
  readonly clock: FakeClock;
  readonly book: TestBook;
  readonly counted: readonly string[];
  readonly defects: readonly string[];
  /** In force from now on. */
  publish(snapshot: Snapshot): void;
  ask(request: CanonicalRequest, deadlineMs?: number): Promise<Decision>;
  person(changes?: Partial<Person>): Person;
  /** Agrees as an admin; resolves to the approval's state. */
  agree(id: string, person?: Partial<Person>): Promise<string>;
}

const SET = [[HOLD, ALLOW]] as const;

function subject(
  policies: readonly object[] = SET,
  changes: Partial<DecideParts> = {},
  store?: (memory: ApprovalStore) => ApprovalStore,
): Subject {
  const clock = createFakeClock();
  const memory = createMemoryApprovalStore({ clock, caps: CAPS });
  const book = createTestBook(clock, store?.(memory) ?? memory);
  const observer = createRecorder();
  const defects: string[] = [];
  let snapshot = release(policies);
  const decide = createDecide({
    snapshots: { current: () => ({ ok: true, snapshot }) },
    sources: [],
    assessor: undefined,
    followers: [],
    kills: { stops: () => undefined },
    gateways: new Map([['edge', new Set(['acme'])]]),
    users: USERS,
    parseRequest,
    sink: undefined,
    clock,
    observer,
    quotas: createMemoryQuotaStore({ clock, leaseMs: 1_000, maxAccounts: 100, maxReservations: 100 }),
    approvals: book,
    newDecisionId: () => '00000000-0000-4000-8000-000000000001',
    engine: 'test',
    onDefect: (error) => defects.push(error.message),
    ...changes,
  });
  const desk = createDesk(book, 86_400);
  const person = (more: Partial<Person> = {}): Person => ({
    id: 'ann',
    email: undefined,
    tenant: 'acme',
    roles: ['admin'],
    groups: [],
    ...more,
  });
  return {
    clock,
    book,
    counted: observer.lines,
    defects,
    publish: (next) => {
      snapshot = next;
    },
    ask: (request, deadlineMs = 1_000) =>
      decide({
        caller: GATEWAY,
        subject: { ok: true, value: request },
        claimedDigest: undefined,
        deadline: clock.monotonic() + deadlineMs,
      }),
    person,
    agree: async (id, who = {}) => (await desk.vote(person(who), id, 'approve', 'fine')).state,
  };
}

let requests = 0;
/** Another attempt at the same payment, unless `changes` say more. */
function payment(
  changes: Partial<CanonicalRequest> = {},
  args: JsonObject = { to: 'bob', amount: 10 },
): CanonicalRequest {
  requests += 1;
  return toolCall('pay', {
    tool: { server: 'bank', name: 'pay', operation: 'tools/call', arguments: args, definition_digest: 'd1' },
    user: { id: 'uma' },
    context: { timestamp: `2026-11-21T12:00:0${requests % 10}Z`, request_id: `req-${requests}` },
    ...changes,
  });
}

function approvalOf(decision: Decision): string {
  const value = decision.conditions[0]?.value as JsonObject | undefined;
  const id = value?.['approval_id'];
  return typeof id === 'string' ? id : '';
}

const codes = ({ deny }: Decision): readonly string[] => deny.map(({ code }) => code);

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
