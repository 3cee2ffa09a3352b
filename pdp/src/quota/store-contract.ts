/** What every keeper of accounts promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { QuotaGuard } from '@portcullis/policy/model';
import type { QuotaStore, Reservation } from './port.js';

/** A store with empty accounts, leases of {@link CONTRACT_LEASE_MS}, and its time. */
export interface QuotaSubject {
  /** Clients of the same accounts; one may stand for all where there is only one process. */
  readonly clients: readonly QuotaStore[];
  /** Lets at least that many milliseconds pass. */
  pass(ms: number): Promise<void>;
}

/** One promise of the port. */
export interface QuotaContractCase {
  readonly name: string;
  readonly check: (subject: QuotaSubject) => Promise<void>;
}

/** Milliseconds; the stores of the contract are made with it. */
export const CONTRACT_LEASE_MS = 700;
/** A slice later than the window at most. */
const WINDOW_MS = 1_000 + 1_000 / 50;

/** A guard to ask with. */
export function guardOf(id: string, changes: Partial<QuotaGuard> = {}): QuotaGuard {
  return {
    id: `platform/limits/${id}`,
    layer: 'platform',
    policy: id,
    kind: 'requests',
    limit: 3,
    window_seconds: 1,
    account: [['tenant', 'acme']],
    estimate: 1,
    outcome: 'deny',
    deny: { code: 'QUOTA_EXCEEDED', message: 'used up', path: `platform/${id}` },
    ...changes,
  };
}

const calls = (limit: number): QuotaGuard => {
  const { window_seconds: _none, ...guard } = guardOf('calls', { kind: 'concurrent', limit });
  return guard;
};

const first = ({ clients: [client] }: QuotaSubject): QuotaStore => {
  assert.ok(client);
  return client;
};
const ask = (
  store: QuotaStore,
  key: string,
  guards: readonly QuotaGuard[],
  holder = `of-${key}`,
): Promise<Reservation> => store.reserve({ key, holder, guards });

async function outcomes(store: QuotaStore, guard: QuotaGuard, keys: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const key of keys) found.push((await ask(store, key, [guard])).outcome);
  return found;
}

function detail(reservation: Reservation, id: string): { used: number; frees_at?: string } {
  const reading = reservation.readings.get(`platform/limits/${id}`);
  assert.equal(reading?.state, 'exceeded');
  return reading;
}

const GRANTED_3 = ['granted', 'granted', 'granted', 'exceeded'];
const KEYS_4 = ['k1', 'k2', 'k3', 'k4'];

/** Every promise. */
export const quotaStoreContract: readonly QuotaContractCase[] = [
  {
    name: 'admits the limit, says what is used and when there is room, and there is room then',
    check: async (subject) => {
      const store = first(subject);
      assert.deepEqual(await outcomes(store, guardOf('rate'), KEYS_4), GRANTED_3);
      const refused = detail(await ask(store, 'k5', [guardOf('rate')]), 'rate');
      assert.equal(refused.used, 3);
      assert.match(refused.frees_at ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      await subject.pass(WINDOW_MS);
      assert.equal((await ask(store, 'k6', [guardOf('rate')])).outcome, 'granted');
    },
  },
  {
    name: 'holds for every window, not only for those that begin on the second',
    check: async (subject) => {
      const store = first(subject);
      await subject.pass(600);
      assert.deepEqual(await outcomes(store, guardOf('rate'), KEYS_4), GRANTED_3);
      await subject.pass(500);
      assert.equal((await ask(store, 'k5', [guardOf('rate')])).outcome, 'exceeded');
    },
  },
  {
    name: 'never admits more than the limit to clients that race, whichever they ask',
    check: async ({ clients }) => {
      const asked = Array.from({ length: 60 }, (_, index) => {
        const client = clients[index % clients.length];
        assert.ok(client);
        return ask(client, `k${index}`, [guardOf('rate', { limit: 7, window_seconds: 60 })], `d${index}`);
      });
      const granted = (await Promise.all(asked)).filter(({ outcome }) => outcome === 'granted');
      assert.equal(granted.length, 7);
    },
  },
  {
    name: 'draws once for an attempt, however often and wherever it is asked',
    check: async ({ clients }) => {
      const guard = guardOf('rate', { limit: 4, window_seconds: 60 });
      const asked = Array.from({ length: 6 }, (_, attempt) =>
        Array.from({ length: 4 }, (__, repeat) => {
          const client = clients[(attempt + repeat) % clients.length];
          assert.ok(client);
          return ask(client, `k${attempt}`, [guard], `d${attempt}-${repeat}`).then(({ outcome }) => ({
            attempt,
            outcome,
          }));
        }),
      ).flat();
      const granted = (await Promise.all(asked)).filter(({ outcome }) => outcome === 'granted');
      assert.equal(new Set(granted.map(({ attempt }) => attempt)).size, 4);
      assert.equal(granted.length, 16);
    },
  },
  {
    name: 'reserves all guards or none',
    check: async (subject) => {
      const store = first(subject);
      const wide = guardOf('wide', { limit: 5, window_seconds: 60 });
      const narrow = guardOf('narrow', { limit: 1, window_seconds: 60 });
      assert.equal((await ask(store, 'k1', [wide, narrow])).outcome, 'granted');
      for (const key of ['k2', 'k3', 'k4', 'k5', 'k6']) {
        const refused = await ask(store, key, [wide, narrow]);
        assert.equal(refused.outcome, 'exceeded');
        assert.deepEqual(refused.readings.get(wide.id), { state: 'granted' });
        assert.equal(detail(refused, 'narrow').used, 1);
      }
      const left = await outcomes(store, wide, ['l1', 'l2', 'l3', 'l4', 'l5']);
      assert.deepEqual(left, ['granted', 'granted', 'granted', 'granted', 'exceeded']);
    },
  },
  {
    name: 'keeps accounts apart by quota and by the values of the dimensions',
    check: async (subject) => {
      const store = first(subject);
      const one = guardOf('rate', { limit: 1, window_seconds: 60 });
      const other = { ...one, account: [['tenant', 'rival']] as const };
      const none = { ...one, account: [['tenant', null]] as const };
      const found = await Promise.all([one, other, none].map((guard, index) => ask(store, `k${index}`, [guard])));
      assert.deepEqual(
        found.map(({ outcome }) => outcome),
        ['granted', 'granted', 'granted'],
      );
      assert.equal((await ask(store, 'k9', [other])).outcome, 'exceeded');
    },
  },
  {
    name: 'lets a quota that is only noted neither stop the request nor be passed over',
    check: async (subject) => {
      const store = first(subject);
      const noted = guardOf('noted', { limit: 1, window_seconds: 60, outcome: 'log_only' });
      assert.deepEqual(await outcomes(store, noted, ['k1', 'k2']), ['granted', 'granted']);
      assert.equal(detail(await ask(store, 'k3', [noted]), 'noted').used, 2);
    },
  },
  {
    name: 'gives no more at once than the burst, then at the even rate',
    check: async (subject) => {
      const store = first(subject);
      const guard = guardOf('burst', { limit: 10, burst: 2 });
      assert.deepEqual(await outcomes(store, guard, ['k1', 'k2', 'k3']), ['granted', 'granted', 'exceeded']);
      await subject.pass(110);
      assert.equal((await ask(store, 'k4', [guard])).outcome, 'granted');
    },
  },
  {
    name: 'gives back what nobody holds any more, and only then',
    check: async (subject) => {
      const store = first(subject);
      const guard = guardOf('rate', { limit: 1, window_seconds: 60 });
      await ask(store, 'k1', [guard], 'd1');
      await ask(store, 'k1', [guard], 'd2');
      await store.release('k1', 'd1');
      await store.release('k1', 'd1');
      assert.equal((await ask(store, 'k2', [guard], 'd3')).outcome, 'exceeded');
      await store.release('k1', 'd2');
      assert.equal((await ask(store, 'k2', [guard], 'd3')).outcome, 'granted');
      await store.release('k2', 'stranger');
      assert.equal((await ask(store, 'k3', [guard], 'd4')).outcome, 'exceeded');
    },
  },
  {
    name: 'ends a lease when the call is settled, or at its end',
    check: async (subject) => {
      const store = first(subject);
      assert.deepEqual(await outcomes(store, calls(2), ['k1', 'k2', 'k3']), ['granted', 'granted', 'exceeded']);
      const refused = detail(await ask(store, 'k3', [calls(2)]), 'calls');
      assert.equal(refused.used, 2);
      assert.ok(refused.frees_at !== undefined);
      await store.settle([{ holder: 'of-k1', unused: false, actual: {} }]);
      assert.deepEqual(await outcomes(store, calls(2), ['k3', 'k4']), ['granted', 'exceeded']);
      await subject.pass(CONTRACT_LEASE_MS + 10);
      assert.deepEqual(await outcomes(store, calls(2), ['k5', 'k6', 'k7']), ['granted', 'granted', 'exceeded']);
    },
  },
  {
    name: 'keeps a settled request counted, gives back one that was not carried out, and answers neither again',
    check: async (subject) => {
      const store = first(subject);
      const guard = guardOf('rate', { limit: 2, window_seconds: 60 });
      await outcomes(store, guard, ['k1', 'k2']);
      await store.settle([{ holder: 'of-k1', unused: false, actual: {} }]);
      assert.equal((await ask(store, 'k3', [guard])).outcome, 'exceeded');
      await store.settle([{ holder: 'of-k2', unused: true, actual: {} }]);
      await store.settle([{ holder: 'of-k2', unused: true, actual: {} }]);
      assert.deepEqual(await outcomes(store, guard, ['k1', 'k2', 'k3', 'k4']), [
        'unknown',
        'unknown',
        'granted',
        'exceeded',
      ]);
    },
  },
  {
    name: 'puts actual use in the place of the estimate, once',
    check: async (subject) => {
      const store = first(subject);
      const tokens = (estimate: number | null): QuotaGuard =>
        guardOf('tokens', { kind: 'tokens', limit: 1_000, window_seconds: 60, estimate });
      assert.equal((await ask(store, 'k1', [tokens(900)])).outcome, 'granted');
      assert.equal((await ask(store, 'k2', [tokens(200)])).outcome, 'exceeded');
      const report = { holder: 'of-k1', unused: false, actual: { tokens: 100, bytes: 5_000 } };
      await store.settle([report]);
      await store.settle([report]);
      assert.equal((await ask(store, 'k2', [tokens(200)])).outcome, 'granted');
      // More than expected: 100 + 1,000.
      await store.settle([{ holder: 'of-k2', unused: false, actual: { tokens: 1_000 } }]);
      assert.equal(detail(await ask(store, 'k3', [tokens(1)]), 'tokens').used, 1_100);
      await store.settle([{ holder: 'of-nobody', unused: false, actual: { tokens: 1_000 } }]);
    },
  },
  {
    name: 'admits what cannot be estimated until the limit is used up',
    check: async (subject) => {
      const store = first(subject);
      const cost = guardOf('cost', { kind: 'cost', limit: 1.1, window_seconds: 60, estimate: null });
      for (const key of ['k1', 'k2', 'k3']) assert.equal((await ask(store, key, [cost])).outcome, 'granted');
      for (const key of ['k1', 'k2'])
        await store.settle([{ holder: `of-${key}`, unused: false, actual: { cost: 0.5 } }]);
      assert.equal((await ask(store, 'k4', [cost])).outcome, 'granted');
      await store.settle([{ holder: 'of-k3', unused: false, actual: { cost: 0.1 } }]);
      assert.equal(detail(await ask(store, 'k5', [cost]), 'cost').used, 1.1);
    },
  },
  {
    name: 'draws for the rules that a second release adds, and again all or none',
    check: async (subject) => {
      const store = first(subject);
      const before = guardOf('rate', { limit: 1, window_seconds: 60 });
      const added = guardOf('added', { limit: 1, window_seconds: 60 });
      assert.equal((await ask(store, 'k1', [before])).outcome, 'granted');
      assert.equal((await ask(store, 'k1', [before, added], 'd2')).outcome, 'granted');
      assert.equal((await ask(store, 'k2', [added])).outcome, 'exceeded');
    },
  },
  {
    name: 'tells what is used, without drawing, and when it is free again',
    check: async (subject) => {
      const store = first(subject);
      const guards = [
        guardOf('rate', { limit: 9, window_seconds: 60 }),
        calls(5),
        guardOf('cost', { kind: 'cost', limit: 9, window_seconds: 60, estimate: 0.25 }),
        guardOf('idle'),
      ];
      for (const key of ['k1', 'k2']) assert.equal((await ask(store, key, guards.slice(0, 3))).outcome, 'granted');
      for (let look = 0; look < 3; look += 1) {
        const uses = await store.read(guards);
        assert.deepEqual(
          uses?.map(({ used }) => used),
          [2, 2, 0.5, 0],
        );
        const ahead = uses?.map(({ resets_at: at }) => (at === undefined ? undefined : Date.parse(at) - Date.now()));
        assert.ok((ahead?.[0] ?? 0) > 50_000 && (ahead?.[0] ?? 0) < 63_000, String(ahead));
        assert.ok((ahead?.[1] ?? 0) > -100 && (ahead?.[1] ?? 0) <= CONTRACT_LEASE_MS + 100, String(ahead));
        assert.equal(ahead?.[3], undefined);
      }
      await store.settle([{ holder: 'of-k1', unused: false, actual: { cost: 1 } }]);
      assert.deepEqual(
        (await store.read(guards))?.map(({ used }) => used),
        [2, 1, 1.25, 0],
      );
      const { window_seconds: _none, ...boundless } = guardOf('rate');
      assert.equal(await store.read([boundless]), undefined);
    },
  },
  {
    name: 'says what came of each settlement, and denies while more was used than there is',
    check: async (subject) => {
      const store = first(subject);
      const cost = guardOf('cost', { kind: 'cost', limit: 1, window_seconds: 60, estimate: 0.25 });
      for (const key of ['k1', 'k2']) assert.equal((await ask(store, key, [cost])).outcome, 'granted');
      const found = await store.settle([
        { holder: 'of-k1', unused: false, actual: { cost: 0.000001 } },
        { holder: 'of-k2', unused: false, actual: { cost: 5.25 } },
        { holder: 'of-nobody', unused: false, actual: { cost: 1 } },
      ]);
      assert.deepEqual(found, ['settled', 'overrun', 'unknown']);
      assert.deepEqual(await store.settle([{ holder: 'of-k2', unused: false, actual: { cost: 9 } }]), ['repeated']);
      assert.equal(detail(await ask(store, 'k3', [cost]), 'cost').used, 5.250001);
    },
  },
  {
    name: 'counts what is reported after the lease, and settles an attempt by any of its decisions, once',
    check: async (subject) => {
      const store = first(subject);
      const tokens = guardOf('tokens', { kind: 'tokens', limit: 100, window_seconds: 60, estimate: 60 });
      for (const holder of ['d1', 'd2']) assert.equal((await ask(store, 'k1', [tokens], holder)).outcome, 'granted');
      await subject.pass(CONTRACT_LEASE_MS + 10);
      assert.deepEqual(await store.settle([{ holder: 'd2', unused: false, actual: { tokens: 70 } }]), ['overrun']);
      assert.deepEqual(await store.settle([{ holder: 'd1', unused: true, actual: {} }]), ['repeated']);
      assert.equal(detail(await ask(store, 'k2', [tokens]), 'tokens').used, 70);
    },
  },
  {
    name: 'has no room for a use that nobody can bound, unless it is only noted',
    check: async (subject) => {
      const store = first(subject);
      const boundless = guardOf('cost', { kind: 'cost', estimate: null, unknown: 'no price' });
      assert.equal((await ask(store, 'k1', [boundless])).outcome, 'unknown');
      assert.equal((await ask(store, 'k2', [{ ...boundless, outcome: 'log_only' }])).outcome, 'granted');
    },
  },
  {
    name: 'adds costs up without drift',
    check: async (subject) => {
      const store = first(subject);
      const dime = guardOf('cost', { kind: 'cost', limit: 0.3, window_seconds: 60, estimate: 0.1 });
      assert.deepEqual(await outcomes(store, dime, KEYS_4), GRANTED_3);
      assert.equal(detail(await ask(store, 'k5', [dime]), 'cost').used, 0.3);
    },
  },
  {
    name: 'does not take a guard without sense for room',
    check: async (subject) => {
      const store = first(subject);
      const { window_seconds: _none, ...boundless } = guardOf('rate');
      assert.equal((await ask(store, 'k1', [boundless])).outcome, 'unknown');
      assert.equal((await ask(store, 'k2', [guardOf('rate', { limit: Number.NaN })])).outcome, 'unknown');
      assert.equal((await ask(store, 'k3', [guardOf('rate', { limit: 0 })])).outcome, 'exceeded');
      const nan = guardOf('tokens', { kind: 'tokens', estimate: Number.NaN });
      assert.equal((await ask(store, 'k4', [nan])).outcome, 'exceeded');
    },
  },
];
