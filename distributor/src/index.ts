/** Keeps, releases and rolls out policy. */
export { composeDistributor, type DistributorReplacements } from './compose.js';
export { type DistributorConfig, distributorConfig } from './config.js';
export { createMetrics as createDistributorMetrics, type DistributorMetrics } from './metrics.js';
