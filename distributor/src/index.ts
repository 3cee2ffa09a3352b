/** Keeps, releases and rolls out policy. */
export { composeDistributor, type DistributorReplacements } from './compose.js';
export { type DistributorConfig, distributorConfig } from './config.js';
export { createMemoryEvidenceStore, type MemoryEvidenceOptions } from './evidence/memory-store.js';
export type { EvidenceStore, StoredRecord } from './evidence/store.js';
export { createMetrics as createDistributorMetrics, type DistributorMetrics } from './metrics.js';
