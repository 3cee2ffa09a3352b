/** The PDP's door: what it takes to run one inside another process, and the verification that the conformance client shares. */

export { type Audit, type AuditObserver, openAudit } from './audit/open-audit.js';
export { compileBundleBytes } from './bundles/compile-bundle.js';
export { type BundleCompiler, createWorkerCompiler } from './bundles/compiler.js';
export type { ObjectSource } from './bundles/object-source.js';
export { type TrustClientOptions, type TrustSession, withTrustSession } from './bundles/trust-client.js';
export { warmUp } from './bundles/warm-up.js';
export { createDecisionCache, type DecisionCacheOptions } from './cache/decision-cache.js';
export { composePdp, type PdpReplacements, type PdpService } from './compose.js';
export { type PdpConfig, pdpConfig } from './config.js';
export { createEpochs, type EpochCounters, type EpochSource } from './epochs/epochs.js';
export { createPdpMetrics, type PdpMetrics } from './metrics.js';
export { createDecide, type Decide, type DecideParts } from './pipeline/decide.js';
export type { ContextSource, DecisionRecord, Snapshot } from './pipeline/ports.js';
export { createMemoryQuotaStore, type MemoryStoreOptions } from './quota/memory.js';
export type { Claim, QuotaStore, Reservation, SettledUse } from './quota/port.js';
export { createRedisQuotaStore, type RedisStoreOptions } from './quota/redis.js';
