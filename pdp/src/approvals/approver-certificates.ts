/** Approvers by client certificate: who they are stands in it, what they may answer in the configuration. */

import type { TLSSocket } from 'node:tls';
import { parseApproverIdentity } from '@portcullis/proto';
import { type Clock, isCurrentlyValid, PortcullisError, spiffeIdOf } from '@portcullis/runtime';
import type { CertifiedApproverConfig } from './approvals-config.js';
import type { Person } from './people.js';

/** What a connection must offer. */
export type ApproverConnection = Partial<Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>>;

/** Reads the person of a connection's certificate. */
export interface CertifiedApprovers {
  /**
   * `undefined` without a certificate, or for one that is no approver's.
   * @throws PortcullisError `unauthenticated` for an approver's that is not good, or whom nobody configured.
   */
  personOf(connection: ApproverConnection): Person | undefined;
}

/** What {@link createCertifiedApprovers} is told. */
export interface CertifiedApproverParts {
  readonly configured: readonly CertifiedApproverConfig[];
  readonly trustDomain: string;
  readonly clock: Clock;
}

/** Builds the reader; the certificate's validity is asked anew for every request. */
export function createCertifiedApprovers({
  configured,
  trustDomain,
  clock,
}: CertifiedApproverParts): CertifiedApprovers {
  const known = new Map(configured.map((one) => [keyOf(one.tenant, one.name), one] as const));
  return {
    personOf: (connection) => {
      const certificate = connection.getPeerCertificate?.();
      const id = certificate === undefined ? undefined : spiffeIdOf(certificate);
      const identity = id === undefined ? undefined : parseApproverIdentity(id, trustDomain);
      if (certificate === undefined || identity === undefined) return undefined;
      if (connection.authorized !== true) throw rejected('the certificate is not of an authority that is trusted here');
      if (!isCurrentlyValid(certificate, clock.now())) throw rejected('the certificate is not valid now');
      const found = known.get(keyOf(identity.tenant, identity.name));
      if (found === undefined) throw rejected('nobody configured this approver (approvals.certificates)');
      const { tenant, person, email, roles, groups } = found;
      return { id: person, tenant, email, roles, groups };
    },
  };
}

function keyOf(tenant: string, name: string): string {
  return `${tenant}/${name}`;
}

function rejected(message: string): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message);
}
