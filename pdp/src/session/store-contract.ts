/** What every keeper of sessions promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { SessionStore, StoredKey } from './port.js';

/** A store with no sessions and the limits of {@link CONTRACT_LIMITS}, and its time. */
export interface SessionSubject {
  /** Clients of the same sessions; one may stand for all where there is only one process. */
  readonly clients: readonly SessionStore[];
  /** Lets at least that many milliseconds pass. */
  pass(ms: number): Promise<void>;
  /** The label epoch as the last client was told it. */
  epoch(): number;
}

/** One promise of the port. */
export interface SessionContractCase {
  readonly name: string;
  readonly check: (subject: SessionSubject) => Promise<void>;
}

/** The stores of the contract are made with them. */
export const CONTRACT_LIMITS = { idleMs: 600, rememberMs: 1_500, maxSessions: 3, maxRemembered: 6, warmUpMs: 0 };

const keyOf = (name: string, tenant = 'acme'): StoredKey => ({ tenant: hex(tenant), member: hex(`${tenant}/${name}`) });
const hex = (text: string): string => Buffer.from(text).toString('hex');

const first = ({ clients: [client] }: SessionSubject): SessionStore => {
  assert.ok(client);
  return client;
};
const last = ({ clients }: SessionSubject): SessionStore => {
  const client = clients.at(-1);
  assert.ok(client);
  return client;
};

let versions = 0;
async function begin(store: SessionStore, name: string, tenant?: string, text = `text of ${name}`): Promise<string> {
  versions += 1;
  const version = `v${versions}`;
  const replaced = await store.replace(keyOf(name, tenant), {
    previous: undefined,
    version,
    text,
    labelsChanged: false,
  });
  return replaced.outcome === 'kept' ? version : replaced.outcome === 'unknown' ? replaced.cause : replaced.outcome;
}
async function said(store: SessionStore, name: string, tenant?: string): Promise<string> {
  const reading = await store.read(keyOf(name, tenant));
  return reading.outcome === 'unknown' ? reading.cause : reading.outcome;
}

/** Every promise. */
export const sessionStoreContract: readonly SessionContractCase[] = [
  {
    name: 'a session is new until something is kept of it, and then everybody reads that',
    check: async (subject) => {
      assert.equal(await said(first(subject), 'a'), 'new');
      const version = await begin(first(subject), 'a', 'acme', 'what happened: é\u0000"');
      assert.deepEqual(await last(subject).read(keyOf('a')), {
        outcome: 'kept',
        version,
        text: 'what happened: é\u0000"',
      });
      assert.deepEqual(await last(subject).read(keyOf('a'), version), { outcome: 'same' });
      assert.equal((await last(subject).read(keyOf('a'), 'older')).outcome, 'kept');
      assert.equal(await said(last(subject), 'b'), 'new');
      assert.equal(await said(last(subject), 'a', 'rival'), 'new');
    },
  },
  {
    name: 'what changed since it was read is not overwritten',
    check: async (subject) => {
      const version = await begin(first(subject), 'a');
      const change = { version: 'mine', text: 'mine', labelsChanged: false };
      const present = { outcome: 'conflict', version, text: 'text of a' };
      assert.deepEqual(await last(subject).replace(keyOf('a'), { ...change, previous: undefined }), present);
      assert.deepEqual(await last(subject).replace(keyOf('a'), { ...change, previous: 'other' }), present);
      assert.deepEqual(await last(subject).replace(keyOf('a'), { ...change, previous: version }), { outcome: 'kept' });
      assert.deepEqual(await first(subject).read(keyOf('a')), { outcome: 'kept', version: 'mine', text: 'mine' });
    },
  },
  {
    name: 'of many changes at once exactly one is kept, each time',
    check: async ({ clients }) => {
      let previous: string | undefined;
      for (let round = 0; round < 5; round += 1) {
        const tries = clients.flatMap((client, index) =>
          Array.from({ length: 5 }, async (_, attempt) => {
            const version = `${round}-${index}-${attempt}`;
            const change = { previous, version, text: version, labelsChanged: false };
            return (await client.replace(keyOf('raced'), change)).outcome === 'kept' ? [version] : [];
          }),
        );
        const kept = (await Promise.all(tries)).flat();
        assert.equal(kept.length, 1);
        [previous] = kept;
      }
    },
  },
  {
    name: 'a session that was idle for too long is forgotten, which is not new, for as long as somebody asks',
    check: async (subject) => {
      const version = await begin(first(subject), 'a');
      await subject.pass(CONTRACT_LIMITS.idleMs / 2);
      const again = { previous: version, version: 'w', text: 't', labelsChanged: false };
      assert.equal((await first(subject).replace(keyOf('a'), again)).outcome, 'kept');
      await subject.pass(CONTRACT_LIMITS.idleMs / 2 + 50);
      assert.equal(await said(last(subject), 'a'), 'kept');
      await subject.pass(CONTRACT_LIMITS.idleMs / 2 + 100);
      for (let turn = 0; turn < 3; turn += 1) {
        assert.equal(await said(last(subject), 'a'), 'forgotten');
        assert.equal(await begin(first(subject), 'a'), 'forgotten');
        await subject.pass(CONTRACT_LIMITS.rememberMs / 2);
      }
      const late = await first(subject).replace(keyOf('a'), { ...again, previous: 'w' });
      assert.deepEqual(late, { outcome: 'unknown', cause: 'forgotten' });
    },
  },
  {
    name: "one session too many makes that of the tenant forgotten which was idle for longest, and nobody else's",
    check: async (subject) => {
      const store = first(subject);
      await begin(store, 'theirs', 'rival');
      const version = await begin(store, 'a');
      await subject.pass(5);
      await begin(store, 'b');
      await subject.pass(5);
      await begin(store, 'c');
      await subject.pass(5);
      await store.replace(keyOf('a'), { previous: version, version: 'again', text: 't', labelsChanged: false });
      await subject.pass(5);
      await begin(store, 'd');
      assert.deepEqual(await Promise.all(['a', 'b', 'c', 'd'].map((name) => said(last(subject), name))), [
        'kept',
        'forgotten',
        'kept',
        'kept',
      ]);
      assert.equal(await said(last(subject), 'theirs', 'rival'), 'kept');
    },
  },
  {
    name: 'no more sessions begin than can be remembered, until one need not be any more',
    check: async (subject) => {
      const store = first(subject);
      const names = Array.from({ length: CONTRACT_LIMITS.maxRemembered }, (_, index) => `s${index}`);
      for (const name of names) assert.match(await begin(store, name), /^v/);
      assert.equal(await begin(store, 'more'), 'full');
      assert.equal(await said(last(subject), 's0'), 'forgotten');
      assert.match(await begin(store, 'theirs', 'rival'), /^v/);
      await subject.pass(CONTRACT_LIMITS.rememberMs + 100);
      assert.match(await begin(store, 'more'), /^v/);
    },
  },
  {
    name: 'what is to be forgotten is forgotten for everybody, also what was never kept',
    check: async (subject) => {
      const version = await begin(first(subject), 'a');
      await first(subject).forget(keyOf('a'));
      await first(subject).forget(keyOf('b'));
      assert.equal(await said(last(subject), 'a'), 'forgotten');
      assert.equal(await said(last(subject), 'b'), 'forgotten');
      const change = { previous: version, version: 'w', text: 't', labelsChanged: false };
      assert.deepEqual(await last(subject).replace(keyOf('a'), change), { outcome: 'unknown', cause: 'forgotten' });
    },
  },
  {
    name: 'the label epoch grows with labels and with nothing else, and every client hears of it',
    check: async (subject) => {
      const store = first(subject);
      const version = await begin(store, 'a');
      await said(last(subject), 'a');
      const before = subject.epoch();
      await begin(store, 'b');
      await said(last(subject), 'a');
      assert.equal(subject.epoch(), before);
      await store.replace(keyOf('a'), { previous: version, version: 'w', text: 't', labelsChanged: true });
      await said(last(subject), 'a');
      const after = subject.epoch();
      assert.ok(after > before);
      await store.replace(keyOf('a'), { previous: 'w', version: 'x', text: 't', labelsChanged: true });
      await said(last(subject), 'a');
      assert.ok(subject.epoch() > after);
    },
  },
];
