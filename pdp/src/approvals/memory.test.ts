import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createMemoryApprovalStore } from './memory.js';
import { approvalStoreContract, CONTRACT_CAPS, heldRequest } from './store-contract.js';

describe('approvals in memory keep the contract:', () => {
  test.each(approvalStoreContract)('$name', async ({ check }) => {
    const clock = createFakeClock();
    const store = createMemoryApprovalStore({ clock, caps: CONTRACT_CAPS });
    await expect(check({ clients: [store], pass: async (ms) => clock.advance(ms) })).resolves.toBeUndefined();
    await store.close();
  });
});

test('a wall clock that is set neither lengthens nor shortens what people were told', async () => {
  const clock = createFakeClock();
  const store = createMemoryApprovalStore({ clock, caps: CONTRACT_CAPS });
  await store.present(heldRequest({ id: 'x', lifetimeMs: 1_000 }));
  clock.stepWall(-3_600_000);
  clock.advance(1_000);
  expect((await store.find('acme', 'x'))?.state).toBe('expired');
});

test('what is over is forgotten after its time', async () => {
  const clock = createFakeClock();
  const store = createMemoryApprovalStore({ clock, caps: CONTRACT_CAPS });
  await store.present(heldRequest({ id: 'x', lifetimeMs: 1_000 }));
  clock.advance(1_000 + CONTRACT_CAPS.keepMs);
  await store.present(heldRequest({ id: 'y', binding: 'other' }));
  expect(await store.find('acme', 'x')).toBeUndefined();
});
