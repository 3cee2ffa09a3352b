import type { PeerCertificate } from 'node:tls';
import { PortcullisError } from '../errors/portcullis-error.js';
import { spiffeIdOf } from './identity.js';

/** Decides whether a server of this identity is the one we want to talk to. */
export type AcceptServer = (spiffeId: string) => boolean;

/** Options of every client credential. */
export interface ClientIdentityOptions {
  readonly acceptServer: AcceptServer;
}

/** Replaces the host name check: the server is who its certificate says, wherever it was found. */
export function identityCheck(accept: AcceptServer): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const id = spiffeIdOf(certificate);
    let cause: unknown;
    try {
      if (id !== undefined && accept(id)) return undefined;
    } catch (error: unknown) {
      // Thrown inside a handshake this would end the process; a check that cannot answer accepts nobody.
      cause = error;
    }
    return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'server identity is not accepted', {
      cause,
      details: { peer: id },
    });
  };
}
