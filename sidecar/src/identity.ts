/** Who this sidecar speaks for: read from its own certificate, never configured beside it (contracts §1). */

import { parsePeerIdentity } from '@portcullis/proto';
import { PortcullisError, type TlsMaterial } from '@portcullis/runtime';

/** Who attempts. From the sidecar's own certificate, never from a message. */
export interface AgentIdentity {
  readonly tenant: string;
  readonly agent: string;
}

/**
 * Tenant and agent of the certificate.
 * @throws PortcullisError `ERR_IDENTITY_REJECTED` when the certificate is not that of an agent of the trust domain.
 */
export function agentIdentity(material: TlsMaterial, trustDomain: string): AgentIdentity {
  const { spiffeId } = material.current();
  const peer = spiffeId === undefined ? undefined : parsePeerIdentity(spiffeId, trustDomain);
  if (peer?.kind !== 'agent') {
    throw new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'the certificate is not that of an agent', {
      details: { spiffeId: spiffeId ?? 'none', trustDomain },
    });
  }
  return { tenant: peer.tenant, agent: peer.agent };
}
