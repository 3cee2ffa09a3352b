/** What a program that embeds the sidecar needs (the single-process profile, tests). */

export { createPolicyClient, type PolicyClientOptions } from './ask/client.js';
export { type PdpConfig, pdpConfig } from './ask/config.js';
export { pdpCredentials } from './ask/credentials.js';
export { type AskObserver, silentObserver } from './ask/observer.js';
export type { Answer, AnswerCache, AskFailure, AskFailureCode, PolicyClient, Settlement } from './ask/port.js';
export { type AnswerCacheOptions, createAnswerCache } from './cache/answer-cache.js';
export { composeSidecar } from './compose.js';
export { type SidecarConfig, sidecarConfig } from './config.js';
export { REFUSALS, RPC_CODE } from './enforce/refuse.js';
export { methodTable } from './intercept/mcp/methods.js';
export { ATTEMPT_OUTCOMES, createSidecarMetrics, type SidecarMetrics } from './metrics.js';
