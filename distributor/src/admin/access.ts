/** Who may do what: nobody anonymous, and every route names the kinds of peer that it admits. */

import type { TLSSocket } from 'node:tls';
import { type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import { type Clock, isCurrentlyValid, PortcullisError, spiffeIdOf } from '@portcullis/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** A kind of peer. */
export type PeerKind = PeerIdentity['kind'];

/** Reads who is at the other end; `undefined` when that cannot be said for sure. */
export type IdentifyPeer = (request: FastifyRequest) => PeerIdentity | undefined;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The kinds of peer that may use the route; a route without this admits nobody. */
    readonly admits?: readonly PeerKind[];
  }
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    peer: PeerIdentity | undefined;
  }
}

/**
 * Identifies by the client certificate's SPIFFE id. TLS checks a certificate once per connection, so its validity is
 * looked at again for every request.
 */
export function identifyByCertificate(trustDomain: string, clock: Clock): IdentifyPeer {
  return (request) => {
    const socket = request.raw.socket as Partial<TLSSocket>;
    if (socket.authorized !== true) return undefined;
    const certificate = socket.getPeerX509Certificate?.();
    if (certificate === undefined || !isCurrentlyValid(certificate, clock.now())) return undefined;
    const id = spiffeIdOf(certificate);
    return id === undefined ? undefined : parsePeerIdentity(id, trustDomain);
  };
}

/** What a forbidden request is told; HTTP 403. */
export const FORBIDDEN = 'ERR_ADMIN_FORBIDDEN';

/** Puts the check before everything else, the body's parsing included. */
export function guardRoutes(app: FastifyInstance, identify: IdentifyPeer): void {
  app.decorateRequest('peer', undefined);
  app.addHook('onRequest', async (request) => {
    request.peer = identify(request);
    if (request.peer === undefined) {
      throw new PortcullisError(
        'ERR_IDENTITY_REJECTED',
        'unauthenticated',
        'the client certificate names nobody that is known here',
      );
    }
    if (request.is404) return;
    const admits = request.routeOptions.config.admits ?? [];
    if (!admits.includes(request.peer.kind)) throw forbidden(`a ${request.peer.kind} may not do this`);
  });
}

/** The fault of somebody who is known and may not. */
export function forbidden(message: string): PortcullisError {
  return new PortcullisError(FORBIDDEN, 'unauthenticated', message);
}
