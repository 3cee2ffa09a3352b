/** How far the chains of PDPs are stored, for people and their monitoring. */

import type { FastifyInstance } from 'fastify';
import type { EvidenceStore } from '../evidence/store.js';

/** Adds `GET /v1/evidence/writers`. */
export function addEvidenceRoutes(
  app: FastifyInstance,
  { evidence }: { readonly evidence: Pick<EvidenceStore, 'writers'> },
): void {
  app.get('/v1/evidence/writers', { config: { admits: ['publisher'] } }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ writers: await evidence.writers() }),
  );
}
