/** An issuer of tokens that say who a user is. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Its audience is `portcullis`. */
export interface TokenIssuer {
  /** For a PDP's `users.issuers`; what it is known by is written into the folder. */
  configIn(folder: string): object;
  /** One that counts for ten minutes, unless the claims say otherwise. */
  tokenOf(claims: object): string;
}

const ISSUER = 'https://login.test';
const AUDIENCE = 'portcullis';

/** Makes its key. */
export function createTokenIssuer(): TokenIssuer {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    configIn(folder) {
      const jwksFile = join(folder, 'issuer.jwks');
      writeFileSync(jwksFile, JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'k' }] }));
      return { issuer: ISSUER, audience: AUDIENCE, jwksFile };
    },
    tokenOf(claims) {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: ISSUER, aud: AUDIENCE, exp: now + 600, iat: now, ...claims };
      const signed = `${part({ alg: 'ES256', kid: 'k' })}.${part(all)}`;
      const signature = sign('sha256', Buffer.from(signed), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
  };
}
