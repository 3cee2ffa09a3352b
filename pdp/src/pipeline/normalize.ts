/**
 * First stage: is this a canonical request, may this caller speak for that agent, and is it the request the caller means?
 */

import type { CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import { type PeerIdentity, type RequestParser, requestDigest } from '@portcullis/proto';
import { type Attempt, denied, mintNormalized, type NormalizedRequest, next, type StageResult } from './chain.js';

/** Which tenants each gateway may speak for, by the gateway's name. */
export type GatewayTenants = ReadonlyMap<string, ReadonlySet<string>>;

/** What the stage is configured with. */
export interface NormalizeParts {
  readonly gateways: GatewayTenants;
  /** Checks a document against the schema of the canonical request. */
  readonly parseRequest: RequestParser;
}

/** Checks shape, authority and digest, in this order. */
export function normalize(attempt: Attempt, parts: NormalizeParts): StageResult<NormalizedRequest> {
  if (!attempt.subject.ok) {
    const [problem] = attempt.subject.problems;
    return denied('REQUEST_INVALID', problem?.message ?? 'the request could not be read', problem?.path ?? '');
  }
  const checked = parts.parseRequest(attempt.subject.value as unknown as JsonObject);
  if (!checked.ok) {
    const [problem] = checked.problems;
    return denied('REQUEST_INVALID', problem?.message ?? 'the request does not match its schema', problem?.path ?? '');
  }
  const request = checked.value;
  if (request.context.approval !== undefined) {
    return denied('REQUEST_INVALID', 'what people have agreed to is not for the caller to say', 'context.approval');
  }
  const foreign = checkAuthority(attempt.caller, request, parts.gateways);
  if (foreign !== undefined) return foreign;
  const digest = requestDigest(request);
  if (attempt.claimedDigest !== undefined && !sameDigest(digest, attempt.claimedDigest)) {
    return denied('REQUEST_INVALID', 'the request digest does not match the request', 'request_digest');
  }
  return next(mintNormalized({ request, digest: digest.toString('hex') }));
}

function checkAuthority(
  caller: PeerIdentity,
  request: CanonicalRequest,
  gateways: GatewayTenants,
): ReturnType<typeof denied> | undefined {
  const contextTenant = request.context.tenant_id;
  if (contextTenant !== undefined && contextTenant !== request.tenant_id) {
    return denied('REQUEST_INVALID', 'the context names another tenant than the request', 'context.tenant_id');
  }
  switch (caller.kind) {
    case 'agent':
      if (request.tenant_id !== caller.tenant) {
        return denied('REQUEST_INVALID', 'the tenant is not that of the certificate', 'tenant_id');
      }
      if (request.agent.id !== caller.agent) {
        return denied('REQUEST_INVALID', 'the agent is not that of the certificate', 'agent.id');
      }
      return undefined;
    case 'gateway':
      if (gateways.get(caller.name)?.has(request.tenant_id) !== true) {
        return denied('REQUEST_INVALID', 'the gateway may not speak for this tenant', 'tenant_id');
      }
      return undefined;
    case 'pdp':
    case 'distributor':
    case 'publisher':
      return denied('IDENTITY_REJECTED', 'only agents and gateways may ask for decisions');
  }
}

/** Whether a caller may say what an agent did; exactly those may that may ask for it. */
export function speaksFor(caller: PeerIdentity, tenant: string, agent: string, gateways: GatewayTenants): boolean {
  switch (caller.kind) {
    case 'agent':
      return caller.tenant === tenant && caller.agent === agent;
    case 'gateway':
      return gateways.get(caller.name)?.has(tenant) === true;
    case 'pdp':
    case 'distributor':
    case 'publisher':
      return false;
  }
}

// No secret is compared, so no constant-time comparison is needed.
function sameDigest(computed: Buffer, claimed: Uint8Array): boolean {
  return computed.equals(claimed);
}
