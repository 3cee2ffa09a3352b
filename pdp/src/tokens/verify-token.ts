/** JSON Web Tokens (RFC 7519), verified as RFC 8725 asks: pinned algorithms, issuer, audience and end, and nothing else. */

import { PortcullisError } from '@portcullis/runtime';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';

/** Signatures only: with a shared secret everybody who can verify could also sign. */
export const TOKEN_ALGORITHMS = [
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
] as const;
/** See {@link TOKEN_ALGORITHMS}. */
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** What a token must be. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly TokenAlgorithm[];
  /** Seconds that the issuer's clock may differ from ours. */
  readonly toleranceSeconds: number;
}

/**
 * The claims of a token that keeps the rules at `now`, in milliseconds.
 * @throws PortcullisError `unauthenticated` for one that does not, `unavailable` when that cannot be found out. Neither
 * quotes the token.
 */
export async function verifyToken(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, audience, algorithms, toleranceSeconds }: TokenRules,
  now: number,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: [...algorithms],
      requiredClaims: ['exp'],
      clockTolerance: toleranceSeconds,
      currentDate: new Date(now),
    });
    return payload;
  } catch (error) {
    throw faultOfVerifying(error);
  }
}

/** A token that is not accepted. */
export function tokenRejected(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message, { cause });
}

function faultOfVerifying(error: unknown): PortcullisError {
  const isVerdict =
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    // What a key set that cannot be fetched or read ends in.
    error.code !== 'ERR_JOSE_GENERIC';
  if (isVerdict) return tokenRejected('the token is not accepted', error);
  return new PortcullisError('ERR_HTTP_KEYS', 'unavailable', 'the keys of the token issuer are not available', {
    cause: error,
  });
}
