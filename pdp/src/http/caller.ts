/** Who asks over HTTP: by the client certificate, by a token, or by both when they agree. */

import type { TLSSocket } from 'node:tls';
import type { PeerIdentity } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { FastifyRequest } from 'fastify';
import type { Caller, CallerReader } from '../server/peer.js';
import type { TokenReader } from './token.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    caller: PeerIdentity | undefined;
  }
}

/** Reads who is at the other end. */
export interface HttpCallers {
  /** @throws PortcullisError `unauthenticated` when nobody known is, `unavailable` when that cannot be found out. */
  callerOf(request: FastifyRequest): Promise<PeerIdentity>;
  /** For the header `WWW-Authenticate`; `undefined` where no token would help. */
  readonly challenge: string | undefined;
}

/** What {@link createHttpCallers} is told. */
export interface HttpCallerParts {
  /** The same reader as for gRPC; without it certificates count for nothing. */
  readonly certificates: CallerReader | undefined;
  readonly tokens: TokenReader | undefined;
}

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** Builds the reader. */
export function createHttpCallers({ certificates, tokens }: HttpCallerParts): HttpCallers {
  // A connection's certificate does not change; its validity is asked anew for every request.
  const known = new WeakMap<object, Caller>();

  const byCertificate = (request: FastifyRequest): PeerIdentity | undefined => {
    if (certificates === undefined) return undefined;
    const socket = request.raw.socket as Partial<TLSSocket>;
    let caller = known.get(socket);
    if (caller === undefined) {
      // Making objects of a certificate costs more than a decision does.
      if (socket.getPeerX509Certificate?.() === undefined) return undefined;
      if (socket.authorized !== true) throw rejected('the certificate is not of an authority that is trusted here');
      const sslPeerCertificate = socket.getPeerCertificate?.();
      caller = certificates.callerOf({
        getAuthContext: () => ({
          transportSecurityType: 'ssl',
          ...(sslPeerCertificate === undefined ? {} : { sslPeerCertificate }),
        }),
      });
      known.set(socket, caller);
    }
    if (!caller.isValidNow()) throw rejected('the certificate is not valid now');
    return caller.identity;
  };

  const byToken = async (request: FastifyRequest): Promise<PeerIdentity | undefined> => {
    const { authorization } = request.headers;
    if (authorization === undefined) return undefined;
    if (tokens === undefined) throw rejected('no tokens are accepted here, only client certificates');
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) throw rejected('expected the authorization scheme Bearer and a token');
    return tokens.identityOf(token);
  };

  return {
    challenge: tokens === undefined ? undefined : 'Bearer realm="portcullis"',
    callerOf: async (request) => {
      const certified = byCertificate(request);
      const vouched = await byToken(request);
      if (certified !== undefined && vouched !== undefined && !isSame(certified, vouched)) {
        throw rejected('the token and the certificate name different callers');
      }
      const identity = certified ?? vouched;
      if (identity === undefined) throw rejected('expected a client certificate or a token');
      return identity;
    },
  };
}

/** Who asks, in a handler. @throws PortcullisError `unauthenticated` should a route ever be reached unchecked. */
export function authenticated(request: FastifyRequest): PeerIdentity {
  if (request.caller === undefined) throw rejected('the caller was not identified');
  return request.caller;
}

function isSame(one: PeerIdentity, other: PeerIdentity): boolean {
  if (one.trustDomain !== other.trustDomain) return false;
  if (one.kind === 'agent') return other.kind === 'agent' && one.tenant === other.tenant && one.agent === other.agent;
  return other.kind === one.kind && one.name === other.name;
}

function rejected(message: string): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message);
}
