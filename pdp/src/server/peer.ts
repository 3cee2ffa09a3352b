/**
 * Who is calling, from the peer certificate. TLS checks a certificate when the connection is made and never again, so
 * its validity is asked anew for every call and every question.
 */

import type { ServerUnaryCall } from '@grpc/grpc-js';
import { type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import { type Clock, isCurrentlyValid, PortcullisError, spiffeIdOf } from '@portcullis/runtime';

/** What every kind of call offers. */
export type AuthenticatedCall = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>;

/** A caller that may ask for decisions. */
export interface Caller {
  readonly identity: PeerIdentity;
  /** Whether the certificate is valid at this instant. */
  isValidNow(): boolean;
}

/** Reads callers. */
export interface CallerReader {
  /** @throws PortcullisError kind `unauthenticated`: no usable certificate, an expired one, or one of another kind of peer. */
  callerOf(call: AuthenticatedCall): Caller;
}

/** The readers of one trust domain. */
export function createCallerReader(options: { readonly trustDomain: string; readonly clock: Clock }): CallerReader {
  const { trustDomain, clock } = options;
  return {
    callerOf: (call) => {
      const certificate = call.getAuthContext().sslPeerCertificate;
      const id = certificate === undefined ? undefined : spiffeIdOf(certificate);
      const identity = id === undefined ? undefined : parsePeerIdentity(id, trustDomain);
      if (certificate === undefined || identity === undefined)
        throw rejected('the certificate names no peer of this trust domain');
      if (identity.kind !== 'agent' && identity.kind !== 'gateway') {
        throw rejected('only agents and gateways may ask for decisions');
      }
      // Dates are parsed once per call; a stream asks at every question.
      const validFrom = Date.parse(certificate.valid_from);
      const validTo = Date.parse(certificate.valid_to);
      const isValidNow = (): boolean => {
        const now = clock.now();
        return now >= validFrom && now <= validTo;
      };
      if (!isCurrentlyValid(certificate, clock.now()) || !isValidNow())
        throw rejected('the certificate is not valid now');
      return { identity, isValidNow };
    },
  };
}

function rejected(message: string): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message);
}
