/** `GET` and `PUT /v1/kill`: the way to the kill switch that needs neither the distributor nor a channel (ADR-0018). */

import { MAX_KILL_LIST_BYTES } from '@portcullis/policy/trust';
import type { FastifyInstance } from 'fastify';
import type { TrustedTargets } from '../bundles/bundle-client.js';
import type { KillSwitch } from '../kill/kill-switch.js';
import { invalidRequest } from './problems.js';

/** What the routes work with. */
export interface KillRouteParts {
  readonly env: string;
  readonly kills: KillSwitch;
  readonly trusted: () => TrustedTargets | undefined;
}

/** Adds the routes. Who put the list is not asked beyond being an operator: what it says counts for who signed it. */
export function addKillRoutes(app: FastifyInstance, { env, kills, trusted }: KillRouteParts): void {
  const report = (): object => {
    const { seq, lists } = kills.state();
    const targets = trusted()?.bytes;
    return {
      env,
      seq,
      lists: lists.map((bytes) => Buffer.from(bytes).toString('base64')),
      targets: targets === undefined ? null : Buffer.from(targets).toString('base64'),
    };
  };
  app.route({ method: 'GET', url: '/v1/kill', handler: async () => report() });
  app.route({
    method: 'PUT',
    url: '/v1/kill',
    bodyLimit: MAX_KILL_LIST_BYTES,
    handler: async ({ body }) => {
      if (!Buffer.isBuffer(body) || body.byteLength === 0)
        throw invalidRequest('the body is empty, expected a kill list');
      await kills.offer(new Uint8Array(body), 'direct');
      return report();
    },
  });
}
