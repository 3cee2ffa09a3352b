import { type ApprovalBook, createMemoryApprovalStore } from '@portcullis/pdp';
import type { Clock } from '@portcullis/runtime';

/** A book in which every hold is the first one: it keeps nothing and tells nobody. */
export function nobodyAsked(clock: Clock): ApprovalBook {
  return {
    get store() {
      return createMemoryApprovalStore({ clock, caps: { perAgent: 1, perTenant: 1, grantsPerTenant: 1, keepMs: 1 } });
    },
    record: async () => undefined,
    tell: () => undefined,
    describe: () => ({}),
    newId: () => 'a-1',
    now: () => clock.now(),
  };
}
