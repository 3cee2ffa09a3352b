/** Callers by JSON Web Token. A token says who calls, and nothing else; it is verified anew for every request. */

import { type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { JwtConfig } from './http-config.js';

/** Reads the caller of a token. */
export interface TokenReader {
  /** @throws PortcullisError `unauthenticated` for a token that is not accepted, `unavailable` when that cannot be found out. */
  identityOf(token: string): Promise<PeerIdentity>;
}

/** What {@link createTokenReader} is told. */
export interface TokenParts {
  readonly jwt: Pick<JwtConfig, 'issuer' | 'audience' | 'tenantClaim' | 'agentClaim' | 'gatewayClaim'>;
  readonly keys: JWTVerifyGetKey;
  readonly trustDomain: string;
  readonly clock: Clock;
}

/** Signatures only: with a shared secret everybody who can verify could also sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_S = 5;

/** Builds the reader. */
export function createTokenReader(parts: TokenParts): TokenReader {
  const { jwt, keys, trustDomain, clock } = parts;
  return {
    identityOf: async (token) => {
      const claims = await verify(token);
      const identity = parsePeerIdentity(spiffeIdFor(claims), trustDomain);
      if (identity === undefined) throw rejected('the token names no agent or gateway');
      return identity;
    },
  };

  async function verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: jwt.issuer,
        audience: jwt.audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(clock.now()),
      });
      return payload;
    } catch (error) {
      throw faultOfVerifying(error);
    }
  }

  /** The same form as in a certificate, so that the same rules say what a name may look like. */
  function spiffeIdFor(claims: JWTPayload): string {
    const tenant = claims[jwt.tenantClaim];
    const agent = claims[jwt.agentClaim];
    const gateway = jwt.gatewayClaim === undefined ? undefined : claims[jwt.gatewayClaim];
    if (gateway !== undefined) {
      if (tenant !== undefined) throw rejected('the token names a gateway and a tenant');
      return typeof gateway === 'string' ? `spiffe://${trustDomain}/gateway/${gateway}` : '';
    }
    if (typeof tenant !== 'string' || typeof agent !== 'string') return '';
    return `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
  }
}

function faultOfVerifying(error: unknown): PortcullisError {
  const isVerdict =
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    // What a key set that cannot be fetched or read ends in.
    error.code !== 'ERR_JOSE_GENERIC';
  if (isVerdict) return rejected('the token is not accepted', error);
  return new PortcullisError('ERR_HTTP_KEYS', 'unavailable', 'the keys of the token issuer are not available', {
    cause: error,
  });
}

function rejected(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message, { cause });
}
