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
  const read = (call: AuthenticatedCall): Caller => {
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
  };
  const known = new WeakMap<object, Caller>();
  return {
    callerOf: (call) => {
      const connection = connectionOf(call);
      const before = connection === undefined ? undefined : known.get(connection);
      if (before === undefined) {
        const caller = read(call);
        if (connection !== undefined) known.set(connection, caller);
        return caller;
      }
      if (!before.isValidNow()) throw rejected('the certificate is not valid now');
      return before;
    },
  };
}

/**
 * The connection of a call, on which the certificate stays the same: Node's servers never ask for another one. Making an
 * object of a certificate is a large part of what a unary call costs. grpc-js keeps the connection to itself; where it
 * is not found, the certificate is read anew.
 */
export function connectionOf(call: object): object | undefined {
  const inner = memberOf(call, 'call');
  const session = memberOf(memberOf(inner, 'stream'), 'session');
  return typeof session === 'object' && session !== null ? session : undefined;
}

function memberOf(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined;
}

function rejected(message: string): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message);
}
