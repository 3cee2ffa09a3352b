/** `POST /access/v1/requests` and the tasks below it: held requests in the words of AuthZEN's access request profile. */

import { jsonDigestHex } from '@portcullis/proto';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Approval, ApprovalStore } from '../approvals/port.js';
import { type GatewayTenants, speaksFor } from '../pipeline/normalize.js';
import type { Sealer } from '../session/sealer.js';
import { readSubmission, taskOf } from './access-request.js';
import { readJsonObject } from './body.js';
import { authenticated } from './caller.js';
import { invalidRequest } from './problems.js';

/** What the routes, and evaluations that are held, work with. */
export interface AccessRequestParts {
  readonly sealer: Sealer;
  readonly waiting: Pick<ApprovalStore, 'find'>;
}

/** What they share with the other routes. */
export interface AccessRequestContext {
  readonly gateways: GatewayTenants;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  readonly publicUrl: () => string;
}

/** Where submissions go. */
export const REQUESTS_PATH = '/access/v1/requests';
/** Repetitions that are told from other requests under the same key; the oldest are forgotten first. */
const MAX_KEYS = 10_000;
const KEY = /^[\x21-\x7e]{1,256}$/;

/** Adds the routes. */
export function addAccessRequestRoutes(
  app: FastifyInstance,
  { sealer, waiting }: AccessRequestParts,
  { gateways, clock, maxBodyBytes, publicUrl }: AccessRequestContext,
): void {
  const keys = createKeys();
  const endpoint = (): string => publicUrl() + REQUESTS_PATH;
  const found = async (request: FastifyRequest, tenants: readonly string[], id: string): Promise<Approval> => {
    const caller = authenticated(request);
    for (const tenant of tenants) {
      const approval = await waiting.find(tenant, id);
      if (approval !== undefined && speaksFor(caller, tenant, approval.agent, gateways)) return approval;
    }
    throw new PortcullisError('ERR_ACCESS_REQUEST_UNKNOWN', 'invalid', 'there is no such task');
  };

  app.route({
    method: 'POST',
    url: REQUESTS_PATH,
    handler: async (request, reply) => {
      const body = readJsonObject(request.body, maxBodyBytes);
      const { approval: id, tenant } = readSubmission(body, sealer, clock.now());
      const approval = await found(request, [tenant], id);
      keys.require(request, jsonDigestHex(body));
      const task = taskOf(approval, endpoint());
      // Under way, or over already.
      reply.code(approval.state === 'pending' ? 202 : 201).header('location', `${endpoint()}/${id}`);
      return task;
    },
  });
  app.route({
    method: 'GET',
    url: `${REQUESTS_PATH}/:id`,
    handler: async (request) => {
      const caller = authenticated(request);
      const tenants =
        caller.kind === 'agent' ? [caller.tenant] : 'name' in caller ? [...(gateways.get(caller.name) ?? [])] : [];
      const { id } = request.params as { readonly id: string };
      const approval = await found(request, tenants, id);
      if (approval.state !== 'expired') return taskOf(approval, endpoint());
      throw new PortcullisError('ERR_ACCESS_REQUEST_TASK_EXPIRED', 'invalid', 'the task has expired');
    },
  });
}

/** `Idempotency-Key`: the same request is the same task by itself; another one under the same key is a mistake. */
function createKeys(): { require(request: FastifyRequest, digest: string): void } {
  const known = new Map<string, string>();
  return {
    require: (request, digest) => {
      const key = request.headers['idempotency-key'];
      if (key === undefined) return;
      if (typeof key !== 'string' || !KEY.test(key)) throw invalidRequest('expected one Idempotency-Key, printable');
      const name = JSON.stringify([authenticated(request), key]);
      const before = known.get(name);
      if (before !== undefined && before !== digest) {
        const message = 'this Idempotency-Key was used for another request';
        throw new PortcullisError('ERR_ACCESS_REQUEST_DUPLICATE', 'conflict', message);
      }
      known.set(name, digest);
      const [oldest] = known.keys();
      if (known.size > MAX_KEYS && oldest !== undefined) known.delete(oldest);
    },
  };
}
