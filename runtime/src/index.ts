/** Everything a process needs and no policy words. */

export { type Clock, systemClock } from './clock.js';
export { type Environment, processEnvironment } from './config/environment.js';
export {
  type AdminConfig,
  adminConfig,
  type LogConfig,
  logConfig,
  type TlsConfig,
  tlsConfig,
} from './config/fragments.js';
export { type ConfigSpec, type LoadedConfig, loadConfig } from './config/load.js';
export { type ConfigProblem, formatConfigProblem } from './config/problem.js';
export { redactConfig } from './config/redact.js';
export { environmentName } from './config/schema-paths.js';
export { readSecret, type SecretSource, secretSource } from './config/secret-source.js';
export { FAULT_KINDS, type FaultKind } from './errors/fault-kinds.js';
export { PortcullisError } from './errors/portcullis-error.js';
export { type ProblemDocument, problemDocument } from './errors/problem-document.js';
export { SURFACE, type Surface } from './errors/surface.js';
export { type AdminServer, type AdminServerOptions, startAdminServer } from './health/admin-server.js';
export { createHealth, type FailingCheck, type Health, type HealthCheck, type Readiness } from './health/health.js';
export {
  DEFAULT_JSON_LIMITS,
  type Json,
  type JsonLimits,
  type JsonObject,
  type JsonRefusal,
  type JsonRefusalKind,
  type StrictJson,
} from './json/json.js';
export { parseStrictJson } from './json/parse.js';
export { composing, type Opened } from './lifecycle/composing.js';
export { createServiceContext, type ServiceContextOptions } from './lifecycle/context.js';
export { runDrain } from './lifecycle/drain.js';
export { EXIT } from './lifecycle/exit-codes.js';
export { runService, type ServiceSpec } from './lifecycle/run-service.js';
export type { DrainStep, Service, ServiceContext, Task } from './lifecycle/service.js';
export { superviseService } from './lifecycle/supervise.js';
export { runTasks } from './lifecycle/tasks.js';
export { LOG_FIELD } from './log/fields.js';
export { createLogger, LOG_LEVELS, type Logger, type LoggerOptions, type LogLevel } from './log/logger.js';
export { deferred, type Tally, tally } from './metrics/deferred.js';
export {
  createRegistry,
  type HistogramSpec,
  type LabelValues,
  type MetricSpec,
  type Registry,
  SECONDS_BUCKETS,
} from './metrics/registry.js';
export { grpcChannelCredentials } from './tls/grpc-channel.js';
export { grpcServerCredentials } from './tls/grpc-server.js';
export { undiciDispatcher } from './tls/https-client.js';
export { followTlsMaterial, httpsServerOptions } from './tls/https-server.js';
export { isCurrentlyValid, isSpiffeId, spiffeIdOf } from './tls/identity.js';
export {
  openTlsMaterial,
  type TlsFiles,
  type TlsMaterial,
  type TlsMaterialOptions,
  type TlsPair,
} from './tls/material.js';
export type { AcceptServer, ClientIdentityOptions } from './tls/server-identity.js';
export { type SignedStatement, signStatement, verifyStatement } from './tls/statement.js';
