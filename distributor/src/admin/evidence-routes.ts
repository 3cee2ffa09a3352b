/** How far the chains of PDPs go, whether they are stored or held in memory: for people and their monitoring. */

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { EvidenceStore } from '../evidence/store.js';
import { type AuditRoutes, mustSeeAll } from './audit-routes.js';
import { parseInput } from './problems.js';

const nothing = z.strictObject({});

/**
 * Adds `GET /v1/audit/writers`. Where evidence is stored it is for readers who may see all tenants; where it is held in memory
 * there are no readers, and publishers may ask.
 */
export function addEvidenceRoutes(
  app: FastifyInstance,
  { evidence, audit }: { readonly evidence: Pick<EvidenceStore, 'writers'>; readonly audit?: AuditRoutes },
): void {
  app.get('/v1/audit/writers', { config: { admits: ['publisher'] } }, async (request, reply) => {
    if (audit !== undefined) mustSeeAll(request, audit.config);
    parseInput(nothing, request.query);
    const writers = await evidence.writers();
    return reply
      .header('cache-control', 'no-store')
      .send({ writers: writers.map(({ provenTo, ...writer }) => ({ ...writer, proven_to: provenTo })) });
  });
}
