/** Kill lists (ADR-0018): one way of two; PDPs take them directly as well. */

import { isReleaseName, killsRole, MAX_KILL_LIST_BYTES } from '@portcullis/policy/trust';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Publisher } from '../release/publisher.js';
import { bytesOf } from './bodies.js';
import { notFound, parseInput } from './problems.js';

const params = z.strictObject({
  env: z.string().refine(isReleaseName, 'expected 1 to 63 lower-case letters, digits and inner hyphens'),
});

/** Adds `GET` and `PUT /v1/kill/:env`. */
export function addKillRoutes(app: FastifyInstance, { publisher }: { readonly publisher: Publisher }): void {
  app.route({
    method: 'GET',
    url: '/v1/kill/:env',
    config: { admits: ['publisher', 'pdp'] },
    handler: async (request) => {
      const { env } = parseInput(params, request.params);
      const { roles } = publisher.state();
      const list = roles.get(killsRole(env));
      const targets = roles.get('targets');
      if (list === undefined || targets === undefined) throw notFound(`kill list of ${env}`);
      const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
      return {
        env,
        seq: list.metadata.signed.version,
        lists: [base64(list.bytes)],
        targets: base64(targets.bytes),
      };
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/kill/:env',
    bodyLimit: MAX_KILL_LIST_BYTES,
    config: { admits: ['publisher'] },
    handler: (request) => publisher.kill(parseInput(params, request.params).env, bytesOf(request.body)),
  });
}
