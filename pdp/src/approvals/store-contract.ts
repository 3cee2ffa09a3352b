/** What every keeper of approvals promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { ApprovalCaps, ApprovalStore, Need, NewGrant, Presentation, Presented } from './port.js';

/** An empty store with {@link CONTRACT_CAPS}, and its time. */
export interface ApprovalSubject {
  /** Clients of the same store; one may stand for all where there is only one process. */
  readonly clients: readonly ApprovalStore[];
  /** Lets at least that many milliseconds pass. */
  pass(ms: number): Promise<void>;
}

/** One promise of the port. */
export interface ApprovalContractCase {
  readonly name: string;
  readonly check: (subject: ApprovalSubject) => Promise<void>;
}

/** Bounds of the stores of the contract. */
export const CONTRACT_CAPS: ApprovalCaps = { perAgent: 4, perTenant: 6, grantsPerTenant: 3, keepMs: 60_000 };

const LONG_MS = 60_000;
const SHORT_MS = 400;
const ADMINS: Need = { hold: 'platform/s/pay', type: 'require_approval', who: 'admin', quorum: 1 };
const TWO_REVIEWERS: Need = { hold: 'tenant/t/send', type: 'require_hitl', who: 'reviewers', quorum: 2 };

let made = 0;
/** A held request; its id is new. */
export function heldRequest(changes: Partial<Presented> = {}): Presented {
  made += 1;
  return {
    id: `id-${made}`,
    binding: 'binding',
    attempt: `attempt-${made}`,
    after: '',
    tenant: 'acme',
    agent: 'analyst',
    needs: [ADMINS],
    bundle: 'bundle-1',
    releaseSeq: 1,
    definition: 'definition-1',
    basis: '',
    lifetimeMs: LONG_MS,
    about: { tool: 'pay', amount: 10.5, nested: { empty: [], none: null } },
    ...changes,
  };
}

function grantOf(changes: Partial<NewGrant> = {}): NewGrant {
  made += 1;
  const { binding: _binding, attempt: _attempt, after: _after, ...held } = heldRequest();
  const terms = { target: 'target', arguments: { to: 'digest' }, vary: ['amount'], count: 3 };
  return { ...held, id: `grant-${made}`, ...terms, createdBy: 'ann', approval: 'id-1', ...changes };
}

/** Whether an attempt of its own drew on a grant of acme. */
async function draws(store: ApprovalStore, id: string, micros = 0): Promise<boolean> {
  made += 1;
  return (await store.draw('acme', id, micros, `attempt-${made}`)) === 'drawn';
}

const first = ({ clients: [client] }: ApprovalSubject): ApprovalStore => {
  assert.ok(client);
  return client;
};
const at = ({ clients }: ApprovalSubject, number: number): ApprovalStore => {
  const client = clients[number % clients.length];
  assert.ok(client);
  return client;
};
const says = (person: string, holds: readonly string[] = [ADMINS.hold]) =>
  ({ person, says: 'approve', holds, comment: '' }) as const;

async function pending(store: ApprovalStore, changes: Partial<Presented> = {}): Promise<string> {
  const asked = await store.present(heldRequest(changes));
  assert.equal(asked.outcome, 'pending');
  assert.ok(asked.outcome === 'pending');
  return asked.approval.id;
}

async function approved(store: ApprovalStore, changes: Partial<Presented> = {}): Promise<string> {
  const id = await pending(store, changes);
  const counted = await store.vote('acme', id, says('ann'));
  assert.ok(counted.outcome === 'counted' && counted.approval.state === 'approved');
  return id;
}

const outcomes = (all: readonly Presentation[], one: Presentation['outcome']): number =>
  all.filter(({ outcome }) => outcome === one).length;

/** Every promise. */
export const approvalStoreContract: readonly ApprovalContractCase[] = [
  {
    name: 'asks once: what is bound to the same request attaches, and is kept as it was put',
    check: async (subject) => {
      const asked = await first(subject).present(heldRequest({ id: 'one', needs: [ADMINS, TWO_REVIEWERS] }));
      assert.ok(asked.outcome === 'pending' && asked.isNew && asked.voided === undefined);
      const again = await at(subject, 1).present(heldRequest({ id: 'two', needs: [ADMINS, TWO_REVIEWERS] }));
      assert.ok(again.outcome === 'pending' && !again.isNew);
      const { createdAt, expiresAt, ...kept } = again.approval;
      assert.equal(expiresAt - createdAt, LONG_MS);
      const {
        attempt: _attempt,
        after: _after,
        lifetimeMs: _lifetime,
        ...put
      } = heldRequest({ id: 'one', needs: [ADMINS, TWO_REVIEWERS] });
      assert.deepEqual(kept, { ...put, state: 'pending', votes: [], why: '' });
      assert.deepEqual(await at(subject, 2).find('acme', 'one'), again.approval);
      assert.equal(await first(subject).find('acme', 'two'), undefined);
      assert.equal(await first(subject).find('globex', 'one'), undefined);
    },
  },
  {
    name: 'a request of another binding is asked about by itself, whatever was agreed to',
    check: async (subject) => {
      await approved(first(subject));
      const other = await first(subject).present(heldRequest({ binding: 'bindinh' }));
      assert.ok(other.outcome === 'pending' && other.isNew);
    },
  },
  {
    name: 'what people agreed to is used up once, however many ask at once',
    check: async (subject) => {
      const id = await approved(first(subject));
      const racing = Array.from({ length: 100 }, (_, number) => at(subject, number).present(heldRequest()));
      const answers = await Promise.all(racing);
      assert.equal(outcomes(answers, 'consumed'), 1);
      assert.equal(outcomes(answers, 'pending'), 99);
      const used = await first(subject).find('acme', id);
      assert.equal(used?.state, 'consumed');
      assert.deepEqual(
        used?.votes.map(({ person, says: said, holds }) => [person, said, holds]),
        [['ann', 'approve', [ADMINS.hold]]],
      );
    },
  },
  {
    name: 'the attempt that used it up is told so, and is not let through again',
    check: async (subject) => {
      await approved(first(subject), { id: 'first' });
      const attempt = heldRequest({ id: 'second', attempt: 'the one' });
      assert.equal((await first(subject).present(attempt)).outcome, 'consumed');
      const repeated = Array.from({ length: 10 }, (_, number) => at(subject, number).present(attempt));
      assert.equal(outcomes(await Promise.all(repeated), 'answered'), 10);
      // Whoever used it up may ask for more on behalf of the same attempt.
      const more = await first(subject).present({ ...attempt, after: 'first' });
      assert.ok(more.outcome === 'pending' && more.isNew);
    },
  },
  {
    name: 'a quorum takes distinct people, for every need of its own; what is pending is not used',
    check: async (subject) => {
      const store = first(subject);
      const needs = [ADMINS, TWO_REVIEWERS];
      const id = await pending(store, { needs });
      const states: string[] = [];
      const votes = [
        says('ann', [ADMINS.hold, TWO_REVIEWERS.hold]),
        says('ann', [ADMINS.hold, TWO_REVIEWERS.hold]),
        says('bob', [ADMINS.hold]),
        says('cleo', [TWO_REVIEWERS.hold]),
      ];
      for (const vote of votes) {
        const counted = await store.vote('acme', id, vote);
        assert.ok(counted.outcome !== 'missing');
        states.push(`${counted.outcome} ${counted.approval.state}`);
      }
      assert.deepEqual(states, ['counted pending', 'repeated pending', 'counted pending', 'counted approved']);
      assert.equal((await store.present(heldRequest({ needs }))).outcome, 'consumed');
      const late = await store.vote('acme', id, says('dan'));
      assert.ok(late.outcome === 'closed' && late.approval.state === 'consumed');
      assert.equal((await store.vote('globex', id, says('dan'))).outcome, 'missing');
      assert.equal((await store.vote('acme', 'nothing', says('dan'))).outcome, 'missing');
    },
  },
  {
    name: 'one refusal ends it; it is not asked again before it expires',
    check: async (subject) => {
      const store = first(subject);
      const id = await pending(store, { lifetimeMs: SHORT_MS });
      const counted = await store.vote('acme', id, { person: 'ann', says: 'deny', holds: [], comment: 'no "thanks"' });
      assert.ok(counted.outcome === 'counted' && counted.approval.state === 'denied');
      assert.deepEqual([counted.approval.votes[0]?.says, counted.approval.votes[0]?.comment], ['deny', 'no "thanks"']);
      assert.equal((await store.vote('acme', id, says('bob'))).outcome, 'closed');
      assert.equal((await at(subject, 1).present(heldRequest())).outcome, 'refused');
      await subject.pass(SHORT_MS + 1);
      const again = await store.present(heldRequest());
      assert.ok(again.outcome === 'pending' && again.isNew);
    },
  },
  {
    name: 'what nobody answers, or nobody uses, expires',
    check: async (subject) => {
      const store = first(subject);
      const unanswered = await pending(store, { binding: 'b1', lifetimeMs: SHORT_MS });
      const unused = await approved(store, { binding: 'b2', lifetimeMs: SHORT_MS });
      await subject.pass(SHORT_MS + 1);
      assert.equal((await store.find('acme', unanswered))?.state, 'expired');
      assert.equal((await store.find('acme', unused))?.state, 'expired');
      assert.equal((await store.vote('acme', unanswered, says('ann'))).outcome, 'closed');
      assert.equal((await store.revoke('acme', unused, 'late')).outcome, 'closed');
      const again = await store.present(heldRequest({ binding: 'b2' }));
      assert.ok(again.outcome === 'pending' && again.isNew);
    },
  },
  {
    name: 'what is taken back is not used, and is asked anew',
    check: async (subject) => {
      const store = first(subject);
      const id = await approved(store);
      const back = await at(subject, 1).revoke('acme', id, 'a mistake');
      assert.ok(back.outcome === 'counted' && back.approval.state === 'revoked' && back.approval.why === 'a mistake');
      assert.equal((await store.revoke('acme', id, 'again')).outcome, 'closed');
      assert.equal((await store.revoke('globex', id, 'stranger')).outcome, 'missing');
      const again = await store.present(heldRequest());
      assert.ok(again.outcome === 'pending' && again.isNew);
    },
  },
  ...(
    [
      ['release', { bundle: 'bundle-2', releaseSeq: 2 }],
      ['definition', { definition: 'definition-2' }],
      ['terms', { needs: [{ ...ADMINS, quorum: 2 }] }],
      ['terms', { needs: [{ ...ADMINS, who: 'owner' }] }],
      ['terms', { needs: [ADMINS, TWO_REVIEWERS] }],
    ] as const
  ).map(([reason, changes], number) => ({
    name: `what people agreed to is void once there is another ${reason} (${number})`,
    check: async (subject: ApprovalSubject): Promise<void> => {
      const store = first(subject);
      const id = await approved(store);
      const asked = await at(subject, 1).present(heldRequest(changes));
      assert.ok(asked.outcome === 'pending' && asked.isNew);
      assert.deepEqual(asked.voided, { id, reason });
      const old = await store.find('acme', id);
      assert.deepEqual([old?.state, old?.why], ['revoked', reason]);
    },
  })),
  {
    name: 'the same bundle under a later number changes nothing; who knows an older release must not decide',
    check: async (subject) => {
      const store = first(subject);
      await approved(store, { releaseSeq: 5 });
      const behind = await store.present(heldRequest({ bundle: 'bundle-0', releaseSeq: 4 }));
      assert.deepEqual(behind, { outcome: 'unknown', cause: 'behind' });
      assert.equal((await store.present(heldRequest({ releaseSeq: 6 }))).outcome, 'consumed');
    },
  },
  {
    name: 'another bundle on which the hold rests in the same way changes nothing',
    check: async (subject) => {
      const store = first(subject);
      const id = await pending(store, { basis: 'basis-1' });
      const later = { bundle: 'bundle-2', releaseSeq: 2, basis: 'basis-1' };
      const attached = await at(subject, 1).present(heldRequest(later));
      assert.ok(attached.outcome === 'pending' && !attached.isNew && attached.approval.id === id);
      await store.vote('acme', id, says('ann'));
      assert.equal((await at(subject, 1).present(heldRequest(later))).outcome, 'consumed');
    },
  },
  ...(
    [
      ['rests on something else', { basis: 'basis-1' }, { basis: 'basis-2' }],
      ['rests on what nobody can say now', { basis: 'basis-1' }, { basis: '' }],
      ['rested on what nobody could say', { basis: '' }, { basis: 'basis-1' }],
      ['rests on what nobody can ever say', { basis: '' }, { basis: '' }],
    ] as const
  ).map(([name, before, after]) => ({
    name: `an approval is void under another bundle once the hold ${name}`,
    check: async (subject: ApprovalSubject): Promise<void> => {
      const store = first(subject);
      const id = await approved(store, before);
      const asked = await at(subject, 1).present(heldRequest({ bundle: 'bundle-2', releaseSeq: 2, ...after }));
      assert.ok(asked.outcome === 'pending' && asked.isNew);
      assert.deepEqual(asked.voided, { id, reason: 'release' });
    },
  })),
  {
    name: 'a bundle that changes nothing about the hold does not make up for another definition or other terms',
    check: async (subject) => {
      const store = first(subject);
      const later = { bundle: 'bundle-2', releaseSeq: 2, basis: 'basis-1' };
      for (const [reason, changes] of [
        ['definition', { definition: 'definition-2' }],
        ['terms', { needs: [{ ...ADMINS, quorum: 2 }] }],
      ] as const) {
        const binding = `bound-${reason}`;
        const id = await approved(store, { basis: 'basis-1', binding });
        const asked = await store.present(heldRequest({ ...later, ...changes, binding }));
        assert.ok(asked.outcome === 'pending' && asked.isNew);
        assert.deepEqual(asked.voided, { id, reason });
      }
    },
  },
  {
    name: 'who knows an older release does not decide, even where it would change nothing',
    check: async (subject) => {
      const store = first(subject);
      await approved(store, { releaseSeq: 5, basis: 'basis-1' });
      const behind = await store.present(heldRequest({ bundle: 'bundle-0', releaseSeq: 4, basis: 'basis-1' }));
      assert.deepEqual(behind, { outcome: 'unknown', cause: 'behind' });
    },
  },
  {
    name: 'who agreed to more than is asked now has agreed to it',
    check: async (subject) => {
      const store = first(subject);
      const both = { ...TWO_REVIEWERS, quorum: 1 };
      const id = await pending(store, { needs: [ADMINS, both] });
      await store.vote('acme', id, says('ann', [ADMINS.hold, both.hold]));
      assert.equal((await store.present(heldRequest({ needs: [both] }))).outcome, 'consumed');
    },
  },
  {
    name: 'open approvals are bounded per agent and per tenant; what is over makes room',
    check: async (subject) => {
      const store = first(subject);
      const full = { outcome: 'unknown', cause: 'full' };
      const ids: string[] = [];
      for (const number of [1, 2, 3, 4]) ids.push(await pending(store, { binding: `a${number}` }));
      assert.deepEqual(await store.present(heldRequest({ binding: 'a5' })), full);
      for (const number of [1, 2]) await pending(store, { binding: `b${number}`, agent: 'other' });
      assert.deepEqual(await store.present(heldRequest({ binding: 'b3', agent: 'other' })), full);
      await pending(store, { binding: 'c1', tenant: 'globex' });
      await store.vote('acme', ids[0] ?? '', { ...says('ann'), says: 'deny' });
      await pending(store, { binding: 'b3', agent: 'other' });
      await store.revoke('acme', ids[1] ?? '', 'back');
      await pending(store, { binding: 'a5' });
      await approvedNow(store, ids[2] ?? '');
      assert.deepEqual(await store.present(heldRequest({ binding: 'a6' })), full);
      assert.equal((await store.present(heldRequest({ binding: 'a3' }))).outcome, 'consumed');
      await pending(store, { binding: 'a6' });
    },
  },
  {
    name: 'expired questions make room by themselves',
    check: async (subject) => {
      const store = first(subject);
      for (const number of [1, 2, 3, 4]) await pending(store, { binding: `a${number}`, lifetimeMs: SHORT_MS });
      await subject.pass(SHORT_MS + 1);
      await pending(store, { binding: 'a5' });
    },
  },
  {
    name: 'lists those of one tenant by state, newest first, no more than wanted',
    check: async (subject) => {
      const store = first(subject);
      const old = await pending(store, { binding: 'a' });
      await subject.pass(2);
      const yes = await approved(store, { binding: 'b' });
      await subject.pass(2);
      const last = await pending(store, { binding: 'c' });
      await pending(store, { binding: 'd', tenant: 'globex' });
      const ids = async (states: ('pending' | 'approved')[], limit = 10): Promise<readonly string[]> =>
        (await at(subject, 1).list('acme', { states, limit })).map(({ id }) => id);
      assert.deepEqual(await ids([]), [last, yes, old]);
      assert.deepEqual(await ids(['pending']), [last, old]);
      assert.deepEqual(await ids(['approved']), [yes]);
      assert.deepEqual(await ids([], 2), [last, yes]);
      assert.deepEqual(await store.list('initech', { states: [], limit: 10 }), []);
    },
  },
  {
    name: 'gives out each question that waits too long once',
    check: async (subject) => {
      const store = first(subject);
      const late = await pending(store, { binding: 'a', lifetimeMs: 2 * SHORT_MS });
      const answered = await pending(store, { binding: 'b', lifetimeMs: 2 * SHORT_MS });
      await approvedNow(store, answered);
      await pending(store, { binding: 'c' });
      assert.deepEqual(await store.overdue(0.5, 10), []);
      await subject.pass(SHORT_MS + 1);
      const found = await Promise.all([0, 1, 2].map((number) => at(subject, number).overdue(0.5, 10)));
      assert.deepEqual(
        found.flat().map(({ id }) => id),
        [late],
      );
    },
  },
  {
    name: 'a grant is drawn on as often as it says, however many draw at once',
    check: async (subject) => {
      const store = first(subject);
      const grant = grantOf({ count: 5 });
      assert.equal(await store.keepGrant(grant), true);
      const racing = Array.from({ length: 40 }, (_, number) => draws(at(subject, number), grant.id));
      assert.equal((await Promise.all(racing)).filter(Boolean).length, 5);
      assert.deepEqual(await store.grantsFor('target'), []);
      const kept = await store.findGrant('acme', grant.id);
      assert.deepEqual([kept?.used, kept?.state, kept?.about], [5, 'active', grant.about]);
      assert.equal(await store.draw('globex', grant.id, 0, 'a stranger'), 'nothing');
    },
  },
  {
    name: 'an attempt draws once, whoever asks for it how often; it is told so, also when nothing is left',
    check: async (subject) => {
      const store = first(subject);
      const [one, other] = [grantOf({ count: 1 }), grantOf()];
      for (const grant of [one, other]) await store.keepGrant(grant);
      const racing = Array.from({ length: 20 }, (_, number) => at(subject, number).draw('acme', one.id, 0, 'the one'));
      const drawings = await Promise.all(racing);
      assert.deepEqual(drawings.toSorted(), [...Array.from({ length: 19 }, () => 'answered'), 'drawn']);
      assert.equal(await store.draw('acme', other.id, 0, 'the one'), 'answered');
      assert.equal((await store.findGrant('acme', other.id))?.used, 0);
      const repeated = heldRequest({ attempt: 'the one' });
      assert.deepEqual(await at(subject, 1).present(repeated), { outcome: 'answered', id: one.id });
      // What came up besides is asked about on behalf of the same attempt.
      assert.equal((await store.present({ ...repeated, after: one.approval })).outcome, 'pending');
      assert.equal(await store.draw('acme', one.id, 0, 'another'), 'nothing');
      assert.equal(await store.draw('acme', other.id, 0, 'another'), 'drawn');
    },
  },
  {
    name: 'a budget is never exceeded, and what does not fit draws nothing',
    check: async (subject) => {
      const store = first(subject);
      const grant = grantOf({ count: 100, budget: { argument: 'amount', micros: 10_000_000 } });
      await store.keepGrant(grant);
      assert.equal(await draws(store, grant.id, 10_000_001), false);
      const racing = Array.from({ length: 20 }, (_, number) => draws(at(subject, number), grant.id, 3_000_000));
      assert.equal((await Promise.all(racing)).filter(Boolean).length, 3);
      const [kept] = await store.grantsFor('target');
      assert.deepEqual([kept?.used, kept?.spentMicros, kept?.budget], [3, 9_000_000, grant.budget]);
      assert.equal(await draws(store, grant.id, 1_000_000), true);
    },
  },
  {
    name: 'a grant that is revoked, or expired, is not drawn on; grants of a tenant are bounded',
    check: async (subject) => {
      const store = first(subject);
      const [one, two, three] = [grantOf(), grantOf({ lifetimeMs: SHORT_MS }), grantOf({ target: 'other' })];
      for (const grant of [one, two, three]) assert.equal(await store.keepGrant(grant), true);
      assert.equal(await store.keepGrant(grantOf({ target: 'more' })), false);
      assert.equal(await store.keepGrant(grantOf({ target: 'more', tenant: 'globex' })), true);
      assert.equal(await store.revokeGrant('globex', one.id), false);
      assert.equal(await store.revokeGrant('acme', one.id), true);
      assert.equal(await store.revokeGrant('acme', one.id), false);
      await subject.pass(SHORT_MS + 1);
      assert.deepEqual(await store.grantsFor('target'), []);
      assert.equal(await draws(store, one.id), false);
      assert.equal(await draws(store, two.id), false);
      const states = (await store.grants('acme')).map(({ id, state }) => [id, state]);
      assert.deepEqual(
        new Map(states as [string, string][]),
        new Map([
          [one.id, 'revoked'],
          [two.id, 'expired'],
          [three.id, 'active'],
        ]),
      );
    },
  },
];

async function approvedNow(store: ApprovalStore, id: string): Promise<void> {
  const counted = await store.vote('acme', id, says('ann'));
  assert.ok(counted.outcome === 'counted' && counted.approval.state === 'approved');
}
