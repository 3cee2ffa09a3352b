/** Which servers are PDPs: the connection's credentials say who we are and whom we accept. */

import type { ChannelCredentials } from '@grpc/grpc-js';
import { parsePeerIdentity } from '@portcullis/proto';
import { grpcChannelCredentials, type TlsMaterial } from '@portcullis/runtime';

/** Whether a SPIFFE id is that of a PDP of the trust domain. */
export function acceptsPdp(trustDomain: string): (spiffeId: string) => boolean {
  return (spiffeId) => parsePeerIdentity(spiffeId, trustDomain)?.kind === 'pdp';
}

/** Credentials that present `material` and accept only a server whose SPIFFE identity is a PDP of `trustDomain`. */
export function pdpCredentials(material: TlsMaterial, trustDomain: string): ChannelCredentials {
  return grpcChannelCredentials(material, { acceptServer: acceptsPdp(trustDomain) });
}
