import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createMemorySessionStore } from './memory.js';
import { storedKey } from './port.js';
import { CONTRACT_LIMITS, sessionStoreContract } from './store-contract.js';

describe('sessions in memory keep the contract:', () => {
  test.each(sessionStoreContract)('$name', async ({ check }) => {
    const clock = createFakeClock();
    let epoch = 0;
    const store = createMemorySessionStore({
      ...CONTRACT_LIMITS,
      maxTotal: 1_000_000,
      clock,
      onLabelEpoch: (value) => {
        epoch = value;
      },
    });
    const subject = { clients: [store], pass: async (ms: number) => clock.advance(ms), epoch: () => epoch };
    await expect(check(subject)).resolves.toBeUndefined();
  });
});

describe('a store without a past', () => {
  test('believes of no session that it is new, and never again of one that was asked for meanwhile', async () => {
    const clock = createFakeClock();
    const options = { ...CONTRACT_LIMITS, maxTotal: 1_000, warmUpMs: 500, clock, onLabelEpoch: () => undefined };
    const store = createMemorySessionStore(options);
    const asked = storedKey({ tenant: 't', agent: 'a', session: 'asked' });
    expect(await store.read(asked)).toEqual({ outcome: 'unknown', cause: 'warm_up' });
    clock.advance(500);
    expect(await store.read(asked)).toEqual({ outcome: 'unknown', cause: 'forgotten' });
    expect(await store.read(storedKey({ tenant: 't', agent: 'a', session: 'other' }))).toEqual({ outcome: 'new' });
  });
});

describe('all sessions together', () => {
  test('take no more room than there is, at the cost of the tenant that wants more', async () => {
    const store = createMemorySessionStore({
      ...CONTRACT_LIMITS,
      maxTotal: 100,
      clock: createFakeClock(),
      onLabelEpoch: () => undefined,
    });
    const key = (tenant: string, session: string) => storedKey({ tenant, agent: 'a', session });
    const begin = (tenant: string, session: string) =>
      store.replace(key(tenant, session), {
        previous: undefined,
        version: 'v',
        text: 'x'.repeat(40),
        labelsChanged: false,
      });
    const said = async (tenant: string, session: string) => (await store.read(key(tenant, session))).outcome;
    await begin('theirs', 't1');
    await begin('ours', 's1');
    await begin('ours', 's2');
    expect([await said('theirs', 't1'), await said('ours', 's1'), await said('ours', 's2')]).toEqual([
      'kept',
      'unknown',
      'kept',
    ]);
    await begin('third', 'u1');
    expect([await said('theirs', 't1'), await said('ours', 's2'), await said('third', 'u1')]).toEqual([
      'kept',
      'kept',
      'unknown',
    ]);
  });
});

describe('the name of a session', () => {
  test('is another one for every tenant, agent and session, however they are spelled', () => {
    const keys = [
      { tenant: 't', agent: 'a', session: 's' },
      { tenant: 't', agent: 'a', session: undefined },
      { tenant: 't', agent: 'a', session: '' },
      { tenant: 't', agent: 'a', session: 'null' },
      { tenant: 't', agent: 'a","s', session: '' },
      { tenant: 't","a', agent: 's', session: '' },
      { tenant: 't', agent: 'as', session: '' },
      { tenant: 'ta', agent: '', session: 's' },
    ];
    expect(new Set(keys.map((key) => storedKey(key).member)).size).toBe(keys.length);
  });
});
