/** What every keeper of baselines promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { Increment } from '@portcullis/policy/risk';
import { type AgentKey, type BaselineStore, MAX_NAMES } from './port.js';

/** A keeper with nothing in it. */
export interface BaselineSubject {
  /** Clients of the same baselines; one may stand for all where there is only one process. */
  readonly clients: readonly BaselineStore[];
}

/** One promise of the port. */
export interface BaselineContractCase {
  readonly name: string;
  readonly check: (subject: BaselineSubject) => Promise<void>;
}

const HOUR_MS = 3_600_000;
const START = Date.parse('2026-11-21T12:00:00Z');
const ANALYST: AgentKey = { tenant: 'acme', agent: 'analyst' };

const plus = (counter: string, by = 1, halfLifeMs = HOUR_MS): Increment => ({ counter, by, halfLifeMs });
const client = ({ clients }: BaselineSubject, index = 0): BaselineStore => {
  const found = clients[index % clients.length];
  assert.ok(found);
  return found;
};
/** The value of a counter as it was kept. */
async function worthOf(store: BaselineStore, counter: string, agent = ANALYST): Promise<number | undefined> {
  return (await store.read(agent))?.counters.get(counter)?.value;
}

/** The promises. */
export const baselineStoreContract: readonly BaselineContractCase[] = [
  {
    name: 'an agent that was never seen has no baseline',
    check: async (subject) => {
      assert.equal(await client(subject).read(ANALYST), undefined);
    },
  },
  {
    name: 'the first observation says since when, later ones do not move it',
    check: async (subject) => {
      const store = client(subject);
      await store.observe(ANALYST, [plus('attempts')], START);
      await store.observe(ANALYST, [plus('attempts')], START + HOUR_MS);
      assert.equal((await store.read(ANALYST))?.since, START);
    },
  },
  {
    name: 'a counter loses half of itself in every half-life before something is added',
    check: async (subject) => {
      const store = client(subject);
      await store.observe(ANALYST, [plus('attempts', 8), plus('spent', 0.5, HOUR_MS / 2)], START);
      await store.observe(ANALYST, [plus('attempts'), plus('spent', 1, HOUR_MS / 2)], START + HOUR_MS);
      const kept = await store.read(ANALYST);
      assert.deepEqual(kept?.counters.get('attempts'), { value: 5, at: START + HOUR_MS });
      assert.deepEqual(kept?.counters.get('spent'), { value: 1.125, at: START + HOUR_MS });
    },
  },
  {
    name: 'a clock that went back takes nothing away',
    check: async (subject) => {
      const store = client(subject);
      await store.observe(ANALYST, [plus('attempts', 8)], START);
      await store.observe(ANALYST, [plus('attempts')], START - HOUR_MS);
      assert.equal(await worthOf(store, 'attempts'), 9);
    },
  },
  {
    name: 'agents are told apart, whatever their names are made of',
    check: async (subject) => {
      const store = client(subject);
      await store.observe({ tenant: 'a', agent: 'b:c' }, [plus('attempts')], START);
      await store.observe({ tenant: 'a:b', agent: 'c' }, [plus('attempts', 2)], START);
      assert.equal(await worthOf(store, 'attempts', { tenant: 'a', agent: 'b:c' }), 1);
      assert.equal(await worthOf(store, 'attempts', { tenant: 'a:b', agent: 'c' }), 2);
      assert.equal(await store.read({ tenant: 'a', agent: 'b' }), undefined);
    },
  },
  {
    name: 'names are whatever a tool is called',
    check: async (subject) => {
      const store = client(subject);
      const counter = 'tool:a b|c/"d\\n\u00e9';
      await store.observe(ANALYST, [plus(counter)], START);
      assert.equal(await worthOf(store, counter), 1);
    },
  },
  {
    name: 'a family of names is bounded, and the least used one goes',
    check: async (subject) => {
      const store = client(subject);
      await store.observe(ANALYST, [plus('tool:often', 5), plus('host:other')], START);
      for (let index = 0; index < MAX_NAMES; index += 1) {
        await store.observe(ANALYST, [plus(`tool:${index}`, 1 + index / MAX_NAMES)], START);
      }
      const names = [...((await store.read(ANALYST))?.counters.keys() ?? [])];
      assert.equal(names.filter((name) => name.startsWith('tool:')).length, MAX_NAMES);
      assert.ok(names.includes('tool:often'));
      assert.ok(names.includes(`tool:${MAX_NAMES - 1}`));
      assert.ok(names.includes('host:other'));
      assert.ok(!names.includes('tool:0'));
    },
  },
  {
    name: 'observations at once are all counted',
    check: async (subject) => {
      const all = Array.from({ length: 60 }, (_unused, index) =>
        client(subject, index).observe(ANALYST, [plus('attempts'), plus('tool:x', 2)], START),
      );
      await Promise.all(all);
      assert.equal(await worthOf(client(subject), 'attempts'), 60);
      assert.equal(await worthOf(client(subject), 'tool:x'), 120);
    },
  },
];
