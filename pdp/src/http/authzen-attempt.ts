/** What every AuthZEN route makes of a request: who asks, for which tenant, and the attempt that an evaluation is. */

import { randomUUID } from 'node:crypto';
import type { PeerIdentity } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { FastifyRequest } from 'fastify';
import type { Attempt } from '../pipeline/chain.js';
import type { GatewayTenants } from '../pipeline/normalize.js';
import { toCanonical } from './authzen-canonical.js';
import type { Evaluation } from './authzen-request.js';
import { authenticated } from './caller.js';
import type { Vocabulary } from './http-config.js';
import { invalidRequest } from './problems.js';
import { userTokenOf } from './user-token.js';

/** What the caller of a request may say, and by when it wants to hear. */
export interface Asking {
  readonly caller: PeerIdentity;
  readonly requestId: string | undefined;
  readonly userToken?: string;
  readonly deadline: number;
}

/** An id of the caller's that the canonical request has room for. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Reads it from the head of a request. */
export function askingOf(
  request: FastifyRequest,
  { clock, deadlineMs }: { readonly clock: Clock; readonly deadlineMs: number },
): Asking {
  const named = request.headers['x-request-id'];
  return {
    caller: authenticated(request),
    requestId: typeof named === 'string' && REQUEST_ID.test(named) ? named : undefined,
    ...userTokenOf(request),
    deadline: clock.monotonic() + deadlineMs,
  };
}

/** The attempt. What cannot be mapped is denied by the pipeline, so that it is on record like every other denial. */
export function attemptOf(
  evaluation: Evaluation,
  { caller, requestId = randomUUID(), deadline, userToken }: Asking,
  {
    gateways,
    clock,
    vocabulary,
    isReference = false,
  }: {
    readonly gateways: GatewayTenants;
    readonly clock: Clock;
    readonly vocabulary: Vocabulary;
    /** Whether `context.approval` only refers to an approval, as in the access request profile. */
    readonly isReference?: boolean;
  },
): Attempt {
  const subject = toCanonical(evaluation, {
    caller,
    onlyTenant: onlyTenantOf(caller, gateways),
    timestamp: new Date(clock.now()).toISOString(),
    requestId,
    isReference,
    vocabulary,
  });
  return { caller, subject, claimedDigest: undefined, ...(userToken === undefined ? {} : { userToken }), deadline };
}

/** The tenant that an evaluation is about. @throws PortcullisError kind `invalid` when it does not say. */
export function tenantOfEvaluation({ context }: Evaluation, caller: PeerIdentity, gateways: GatewayTenants): string {
  const tenant = caller.kind === 'agent' ? caller.tenant : (context['tenant_id'] ?? onlyTenantOf(caller, gateways));
  if (typeof tenant === 'string') return tenant;
  throw invalidRequest('a gateway of several tenants says which one it means', 'context.tenant_id');
}

function onlyTenantOf(caller: PeerIdentity, gateways: GatewayTenants): string | undefined {
  const tenants = caller.kind === 'gateway' ? gateways.get(caller.name) : undefined;
  return tenants?.size === 1 ? [...tenants][0] : undefined;
}
