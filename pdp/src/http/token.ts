/** Callers by JSON Web Token. A token says who calls, and nothing else; it is verified anew for every request. */

import { type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { TOKEN_ALGORITHMS, tokenRejected, verifyToken } from '../tokens/verify-token.js';
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

const CLOCK_TOLERANCE_S = 5;

/** Builds the reader. */
export function createTokenReader(parts: TokenParts): TokenReader {
  const { jwt, keys, trustDomain, clock } = parts;
  return {
    identityOf: async (token) => {
      const claims = await verify(token);
      const identity = parsePeerIdentity(spiffeIdFor(claims), trustDomain);
      if (identity === undefined) throw tokenRejected('the token names no agent or gateway');
      return identity;
    },
  };

  function verify(token: string): Promise<JWTPayload> {
    const { issuer, audience } = jwt;
    const rules = { issuer, audience, algorithms: TOKEN_ALGORITHMS, toleranceSeconds: CLOCK_TOLERANCE_S };
    return verifyToken(token, keys, rules, clock.now());
  }

  /** The same form as in a certificate, so that the same rules say what a name may look like. */
  function spiffeIdFor(claims: JWTPayload): string {
    const tenant = claims[jwt.tenantClaim];
    const agent = claims[jwt.agentClaim];
    const gateway = jwt.gatewayClaim === undefined ? undefined : claims[jwt.gatewayClaim];
    if (gateway !== undefined) {
      if (tenant !== undefined) throw tokenRejected('the token names a gateway and a tenant');
      return typeof gateway === 'string' ? `spiffe://${trustDomain}/gateway/${gateway}` : '';
    }
    if (typeof tenant !== 'string' || typeof agent !== 'string') return '';
    return `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
  }
}
