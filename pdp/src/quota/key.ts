/** The names of one attempt, and of a decision about it, in the accounts. */

import { createHash } from 'node:crypto';
import type { CanonicalRequest } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';

/** One attempt, as far as it tells whose use it is. */
export interface NamedAttempt {
  readonly caller: PeerIdentity;
  /** With the user that counts. */
  readonly request: CanonicalRequest;
  /** Lower-case hex, of the request as it was sent. */
  readonly digest: string;
}

/**
 * The same for a retry and a hedge of one question, at any PDP, and for nothing else. A user's token is no part of the request or
 * of its digest, so the user is named beside it: the same request for another user is another attempt.
 */
export function reservationKey({ caller, request, digest }: NamedAttempt): string {
  const { tenant_id: tenant, agent, user, context } = request;
  return hashOf([...whoOf(caller), tenant, agent.id, user?.id ?? null, context.request_id, digest]);
}

/**
 * The name of one decision among the holders of a reservation. A settlement knows the decision and not the user; the caller is
 * a part of it, so nobody settles what somebody else reserved.
 */
export function holderName(caller: PeerIdentity, digest: string, decisionId: string): string {
  return hashOf([...whoOf(caller), digest, decisionId]);
}

function whoOf(caller: PeerIdentity): readonly string[] {
  return caller.kind === 'agent' ? [caller.kind, caller.tenant, caller.agent] : [caller.kind, caller.name];
}

function hashOf(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
