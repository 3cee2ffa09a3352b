/** What every keeper of agents' standings promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { AgentStore } from './agent-store.js';

/** An empty store. */
export interface AgentStoreSubject {
  /** Clients of the same standings; one may stand for all where there is only one process. */
  readonly clients: readonly AgentStore[];
  /** Waits until the condition holds. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

/** One promise of the port. */
export interface AgentStoreContractCase {
  readonly name: string;
  readonly check: (subject: AgentStoreSubject) => Promise<void>;
}

function pairOf({ clients }: AgentStoreSubject): readonly [AgentStore, AgentStore] {
  const [one, other = one] = clients;
  assert.ok(one !== undefined && other !== undefined);
  return [one, other];
}

/** The promises. */
export const agentStoreContract: readonly AgentStoreContractCase[] = [
  {
    name: 'what is said of an agent is found, of this agent of this tenant alone',
    check: async (subject) => {
      const [one] = pairOf(subject);
      const standing = { type: 'crew', trust_level: 0.25, attributes: { floor: 3, tags: ['a'] } };
      await one.put('acme', 'analyst', standing);
      assert.deepEqual(await one.find('acme', 'analyst'), standing);
      assert.equal(await one.find('acme', 'other'), undefined);
      assert.equal(await one.find('rival', 'analyst'), undefined);
    },
  },
  {
    name: 'what is said replaces what was said, and may be taken back',
    check: async (subject) => {
      const [one] = pairOf(subject);
      await one.put('acme', 'a', { trust_level: 0.9, type: 'x' });
      await one.put('acme', 'a', { trust_level: 0 });
      assert.deepEqual(await one.find('acme', 'a'), { trust_level: 0 });
      await one.remove('acme', 'a');
      assert.equal(await one.find('acme', 'a'), undefined);
    },
  },
  {
    name: 'every change has an epoch of its own, higher than all before',
    check: async (subject) => {
      const [one, other] = pairOf(subject);
      const epochs = [
        await one.put('acme', 'a', { trust_level: 1 }),
        await other.put('acme', 'b', { trust_level: 1 }),
        await one.remove('acme', 'a'),
        await other.remove('acme', 'never-there'),
      ];
      for (const [index, epoch] of epochs.entries()) assert.ok(epoch > (epochs[index - 1] ?? 0), String(epochs));
      await subject.until('every client to know', () =>
        pairOf(subject).every((client) => client.current() >= (epochs.at(-1) ?? 0)),
      );
    },
  },
  {
    name: 'whoever hears of a change is not answered with what was before',
    check: async (subject) => {
      const [one, other] = pairOf(subject);
      await one.put('acme', 'a', { trust_level: 0.9 });
      await subject.until('the other to know', async () => (await other.find('acme', 'a'))?.trust_level === 0.9);
      const heard: Promise<number | undefined>[] = [];
      const stop = other.onChange(() =>
        heard.push(Promise.resolve(other.find('acme', 'a')).then((found) => found?.trust_level)),
      );
      await one.put('acme', 'a', { trust_level: 0.1 });
      await subject.until('the other to hear', () => heard.length > 0);
      assert.deepEqual([...new Set(await Promise.all(heard))], [0.1]);
      stop();
      const before = heard.length;
      await one.put('acme', 'a', { trust_level: 0.2 });
      await subject.until('the other to know', async () => (await other.find('acme', 'a'))?.trust_level === 0.2);
      assert.equal(heard.length, before);
    },
  },
  {
    name: 'what is no standing, or no name, is refused and changes nothing',
    check: async (subject) => {
      const [one] = pairOf(subject);
      await one.put('acme', 'a', { trust_level: 0.5 });
      const bad: readonly object[] = [
        { trust_level: 1.1 },
        { trust_level: -0.1 },
        { trust_level: '1' },
        { trust: 1 },
        { attributes: { text: 'x'.repeat(17_000) } },
        { attributes: 3 },
      ];
      for (const standing of bad) await assert.rejects(async () => one.put('acme', 'a', standing), { kind: 'invalid' });
      await assert.rejects(async () => one.put('acme:a', 'b', {}), { kind: 'invalid' });
      await assert.rejects(async () => one.remove('acme', '../a'), { kind: 'invalid' });
      assert.deepEqual(await one.find('acme', 'a'), { trust_level: 0.5 });
      assert.equal(await one.find('acme', 'x:a'), undefined);
    },
  },
];
