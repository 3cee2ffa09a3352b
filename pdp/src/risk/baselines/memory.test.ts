import { describe, expect, test } from '@jest/globals';
import { createMemoryBaselineStore } from './memory.js';
import { baselineStoreContract } from './store-contract.js';

describe('baselines in memory', () => {
  test.each(baselineStoreContract)('$name', async ({ check }) => {
    await expect(check({ clients: [createMemoryBaselineStore({ maxAgents: 100 })] })).resolves.toBeUndefined();
  });

  test('the agent that was not heard of for longest is forgotten', async () => {
    const store = createMemoryBaselineStore({ maxAgents: 2 });
    const observe = (agent: string): Promise<void> =>
      store.observe({ tenant: 'acme', agent }, [{ counter: 'attempts', by: 1, halfLifeMs: 1_000 }], 0);
    for (const agent of ['a', 'b', 'a', 'c']) await observe(agent);
    expect(await store.read({ tenant: 'acme', agent: 'b' })).toBeUndefined();
    expect((await store.read({ tenant: 'acme', agent: 'a' }))?.counters.get('attempts')?.value).toBe(2);
  });
});
