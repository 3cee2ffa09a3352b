import { describe, expect, test } from '@jest/globals';
import { agentStoreContract } from './agent-store-contract.js';
import { createMemoryAgentStore } from './memory-agents.js';

/** Nothing has to be waited for. */
const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  if (!(await condition())) throw new Error(`expected ${what}`);
};

describe('agents in memory keep the contract:', () => {
  test.each(agentStoreContract)('$name', async ({ check }) => {
    await expect(check({ clients: [createMemoryAgentStore({ maxAgents: 10 })], until })).resolves.toBeUndefined();
  });
});

test('there is room for so many agents', async () => {
  const store = createMemoryAgentStore({ maxAgents: 1 });
  await store.put('acme', 'a', { trust_level: 0.1 });
  await expect(store.put('acme', 'b', {})).rejects.toMatchObject({ kind: 'unavailable' });
  await store.put('acme', 'a', { trust_level: 0.2 });
  expect(store.find('acme', 'a')).toEqual({ trust_level: 0.2 });
  await store.remove('acme', 'a');
  await store.put('acme', 'b', {});
});
