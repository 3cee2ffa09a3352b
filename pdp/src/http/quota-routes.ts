/** `GET /v1/quotas`: how far quotas are used, for operators. */

import { PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance } from 'fastify';
import type { QuotaLedger } from '../quota/ledger.js';

/** What the route works with. */
export interface QuotaRouteParts {
  readonly usage: QuotaLedger['usage'];
  /** Whether the accounts are those of all PDPs, or of this one alone. */
  readonly shared: boolean;
}

/** Adds the route. The accounts are those that this PDP has met since it started. */
export function addQuotaRoutes(app: FastifyInstance, { usage, shared }: QuotaRouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/quotas',
    handler: async () => {
      const quotas = await usage();
      if (quotas !== undefined) return { shared, quotas };
      throw new PortcullisError('ERR_QUOTA_STORE', 'unavailable', 'the store of quotas does not answer');
    },
  });
}
