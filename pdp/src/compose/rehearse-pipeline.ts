/** A decision or two that count for nothing, so that the first real one finds code that has run. */

import type { Clock } from '@portcullis/runtime';
import { createMemoryApprovalStore } from '../approvals/memory.js';
import { createDecide, type DecideParts } from '../pipeline/decide.js';
import { createMemoryQuotaStore } from '../quota/memory.js';
import { rehearse } from '../server/rehearse.js';

const NOTHING_STOPPED = { stops: () => undefined };
const SILENT = {
  stageTook: () => undefined,
  sourceAnswered: () => undefined,
  decided: () => undefined,
  reserved: () => undefined,
  held: () => undefined,
};

/** Runs the pipeline without anything that would be asked, told, kept or recorded. */
export async function rehearsePipeline(
  pipeline: DecideParts,
  { service, clock }: { readonly service: Parameters<typeof rehearse>[0]['service']; readonly clock: Clock },
): Promise<void> {
  const nobody = { perAgent: 1, perTenant: 1, grantsPerTenant: 1, keepMs: 1 };
  await rehearse({
    decide: createDecide({
      ...pipeline,
      kills: NOTHING_STOPPED,
      memory: undefined,
      // Sources would be asked by somebody whom there is not.
      sources: [],
      sink: undefined,
      recorder: undefined,
      observer: SILENT,
      quotas: createMemoryQuotaStore({ clock, leaseMs: 1, maxAccounts: 1_000, maxReservations: 1_000 }),
      approvals: {
        ...pipeline.approvals,
        store: createMemoryApprovalStore({ clock, caps: nobody }),
        tell: () => undefined,
        record: async () => undefined,
      },
      followers: [],
      reviews: undefined,
      notices: undefined,
    }),
    service,
    clock,
  });
}
