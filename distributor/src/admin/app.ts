/** The HTTPS surface: which routes there are, in which order a request meets the checks. */

import type { TlsOptions } from 'node:tls';
import type { Logger } from '@portcullis/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import type { EvidenceStore } from '../evidence/store.js';
import { guardRoutes, type IdentifyPeer } from './access.js';
import { type AuditRoutes, addAuditRoutes } from './audit-routes.js';
import { parseBodies } from './bodies.js';
import { addChannelRoutes, type ChannelRoutes } from './channel-routes.js';
import { addEvidenceRoutes } from './evidence-routes.js';
import { addKillRoutes } from './kill-routes.js';
import { answerProblems } from './problems.js';
import { addReleaseRoutes, type ReleaseRoutes } from './release-routes.js';
import { addRepositoryRoutes } from './repository-routes.js';

/** What {@link createAdminApp} is told. */
export interface AdminAppOptions extends ReleaseRoutes, ChannelRoutes {
  readonly evidence: Pick<EvidenceStore, 'writers'>;
  readonly identify: IdentifyPeer;
  /** Where evidence is kept; without it there are no routes for it. */
  readonly audit?: AuditRoutes;
  readonly tls: TlsOptions;
  readonly log: Logger;
}

/** Bodies of routes that do not say otherwise, in bytes. */
const DEFAULT_BODY_BYTES = 64 * 1024;

/** Builds the application; `listen` is the caller's. */
export function createAdminApp(options: AdminAppOptions): FastifyInstance {
  const app: FastifyInstance = fastify({
    https: options.tls,
    logger: false,
    bodyLimit: DEFAULT_BODY_BYTES,
    // A drain ends idle connections instead of waiting for their clients.
    forceCloseConnections: 'idle',
    requestTimeout: 60_000,
    keepAliveTimeout: 60_000,
    routerOptions: { maxParamLength: 256 },
  });
  answerProblems(app, options.log);
  guardRoutes(app, options.identify);
  parseBodies(app);
  addReleaseRoutes(app, options);
  addRepositoryRoutes(app, options);
  addChannelRoutes(app, options);
  addKillRoutes(app, options);
  addEvidenceRoutes(app, options);
  if (options.audit !== undefined) addAuditRoutes(app, options.audit);
  return app;
}
