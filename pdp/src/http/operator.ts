/** Who operates the plane, over HTTP: by the client certificate of a publisher, and by nothing else. */

import type { TLSSocket } from 'node:tls';
import { type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import { type Clock, isCurrentlyValid, PortcullisError, spiffeIdOf } from '@portcullis/runtime';
import type { FastifyRequest } from 'fastify';

/** An operator's identity. */
export type Operator = Extract<PeerIdentity, { readonly name: string }>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the handler of an operator's route runs. */
    operator: Operator | undefined;
  }
}

/** Reads operators. */
export interface OperatorReader {
  /** @throws PortcullisError `unauthenticated` for everybody else. */
  operatorOf(request: FastifyRequest): Operator;
}

/** Reads them from the connection; the certificate's validity is asked anew for every request. */
export function createOperatorReader(options: { readonly trustDomain: string; readonly clock: Clock }): OperatorReader {
  const { trustDomain, clock } = options;
  return {
    operatorOf: (request) => {
      const socket = request.raw.socket as Partial<TLSSocket>;
      const certificate = socket.authorized === true ? socket.getPeerX509Certificate?.() : undefined;
      if (certificate === undefined) throw rejected('expected the client certificate of a publisher');
      if (!isCurrentlyValid(certificate, clock.now())) throw rejected('the certificate is not valid now');
      const id = spiffeIdOf(certificate);
      const identity = id === undefined ? undefined : parsePeerIdentity(id, trustDomain);
      if (identity?.kind !== 'publisher') throw rejected('only publishers may do this');
      return identity;
    },
  };
}

function rejected(message: string): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message);
}
