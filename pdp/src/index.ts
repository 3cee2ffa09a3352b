/** The PDP's door: what it takes to run one inside another process, and the verification that the conformance client shares. */

export type { ApprovalStore } from './approvals/port.js';
export { createRedisApprovalStore, type RedisApprovalOptions } from './approvals/redis.js';
export { type Audit, type AuditObserver, openAudit } from './audit/open-audit.js';
export { compileBundleBytes } from './bundles/compile-bundle.js';
export { type BundleCompiler, createWorkerCompiler } from './bundles/compiler.js';
export type { ObjectSource } from './bundles/object-source.js';
export { type TrustClientOptions, type TrustSession, withTrustSession } from './bundles/trust-client.js';
export { warmUp } from './bundles/warm-up.js';
export { composePdp, type PdpReplacements, type PdpService } from './compose.js';
export { type PdpConfig, pdpConfig } from './config.js';
export type { AgentStanding, AgentStore } from './context/agent-store.js';
export { createRedisAgentStore, type RedisAgentsOptions } from './context/redis-agents.js';
export { MCP_METHODS } from './gateways/mcp-methods.js';
export { createPdpMetrics, type PdpMetrics } from './metrics.js';
export type { DecisionRecord } from './pipeline/ports.js';
export { createMemoryQuotaStore, type MemoryStoreOptions } from './quota/memory.js';
export type { Claim, QuotaStore, Reservation, SettledUse } from './quota/port.js';
export { createRedisQuotaStore, type RedisStoreOptions } from './quota/redis.js';
export type { BaselineStore } from './risk/baselines/port.js';
export { createRedisBaselineStore, type RedisBaselineOptions } from './risk/baselines/redis.js';
export type { OutsideTransport } from './risk/outside/analyser.js';
export { createGrpcTransport, type GrpcTransportOptions } from './risk/outside/grpc-transport.js';
export { createHttpTransport, type HttpTransportOptions } from './risk/outside/http-transport.js';
export { createMemorySessionStore, type MemorySessionOptions } from './session/memory.js';
export { type SessionKey, type SessionStore, storedKey } from './session/port.js';
export { createRedisSessionStore, type RedisSessionOptions } from './session/redis.js';
