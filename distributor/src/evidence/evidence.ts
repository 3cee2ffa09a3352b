/** Everything about stored evidence in one hand: made together, closed together. */

import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, LOG_FIELD, type Logger, type Task } from '@portcullis/runtime';
import type { DistributorMetrics } from '../metrics.js';
import { createDatabase } from '../store/database.js';
import type { StoreConfig } from '../store/store-config.js';
import { createDatabaseQuery } from './database-query.js';
import { createDatabaseStore } from './database-store.js';
import { createErasure, type EvidenceErasure } from './erasure.js';
import type { EvidenceConfig } from './evidence-config.js';
import type { EvidenceQuery } from './evidence-query.js';
import type { EvidenceStore } from './store.js';

/** Before a store that could not be opened, or did not answer, is tried again, in milliseconds. */
const RETRY_MS = 5_000;

/** Stored evidence. */
export interface Evidence {
  readonly store: EvidenceStore;
  readonly query: EvidenceQuery;
  readonly erasure: EvidenceErasure;
  /** Opens the store beside everything else, and looks for what is over from time to time. */
  readonly task: Task;
}

/** Evidence in the store that is configured; `undefined` for none. Opens nothing before it is asked, or the task runs. */
export function createEvidence(
  config: { readonly store: StoreConfig; readonly evidence: EvidenceConfig; readonly dataDir: string },
  parts: { readonly clock: Clock; readonly log: Logger; readonly metrics: Pick<DistributorMetrics, 'storeAnswered'> },
): Evidence | undefined {
  const { store, evidence, dataDir } = config;
  if (store.kind === 'none') return undefined;
  const { clock, log, metrics } = parts;
  const database = createDatabase(store, { dataDir, log, answered: (ok) => metrics.storeAnswered(ok) });
  const erasure = createErasure(database, evidence.retention);
  return {
    store: createDatabaseStore(database),
    query: createDatabaseQuery(database),
    erasure,
    task: {
      name: 'evidence retention',
      async run(signal) {
        while (!signal.aborted) {
          let wait = evidence.retention.everyMs;
          try {
            const outcome = await erasure.expire(new Date(clock.now()));
            if (outcome.erased + outcome.dropped > 0) log.info(outcome, 'Evidence expired');
          } catch (error: unknown) {
            log.warn({ [LOG_FIELD.error]: error }, 'Evidence store does not answer');
            wait = Math.min(wait, RETRY_MS);
          }
          await pause(wait, undefined, { signal }).catch(() => undefined);
        }
      },
    },
  };
}
