/**
 * Statements signed with a TLS certificate, for transports that do not say who is at the other end. What is stated must
 * begin with a text of its own that is longer than 32 bytes: that much a peer can choose of what TLS 1.2 has a key sign.
 */

import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { isCurrentlyValid, spiffeIdOf } from './identity.js';
import type { TlsPair } from './material.js';
import { parseCertificates } from './pem.js';

/** A certificate and what it signed. */
export interface SignedStatement {
  /** PEM of the leaf alone. */
  readonly certificate: string;
  /** Base64. */
  readonly signature: string;
}

/** Larger ones are not looked at, in characters. */
const MAX_PEM = 16_384;
const MIN_STATEMENT = 64;

/** Signs a statement (64 characters or more) with the key of a certificate. @throws TypeError when it is shorter. */
export function signStatement(pair: Pick<TlsPair, 'cert' | 'key'>, statement: string): SignedStatement {
  if (statement.length < MIN_STATEMENT) throw new TypeError('a statement must begin with a text of its own');
  const key = createPrivateKey(pair.key);
  const [leaf] = parseCertificates(pair.cert);
  if (leaf === undefined) throw new TypeError('there is no certificate');
  return {
    certificate: leaf.toString(),
    signature: sign(digestFor(key.asymmetricKeyType), Buffer.from(statement), key).toString('base64'),
  };
}

/**
 * The SPIFFE identity that states this: its certificate is valid at `nowMs`, is no authority, was issued directly by one of
 * `authorities` (PEM), and its key made the signature. `undefined` otherwise. Chains over intermediate authorities are not
 * followed: put the intermediate among the authorities.
 */
export function verifyStatement(
  statement: string,
  signed: SignedStatement,
  authorities: Buffer,
  nowMs: number,
): string | undefined {
  if (signed.certificate.length > MAX_PEM || signed.signature.length > MAX_PEM) return undefined;
  try {
    const leaf = new X509Certificate(signed.certificate);
    if (leaf.ca || !isCurrentlyValid(leaf, nowMs)) return undefined;
    const issued = parseCertificates(authorities).some(
      (authority) =>
        authority.ca &&
        isCurrentlyValid(authority, nowMs) &&
        leaf.checkIssued(authority) &&
        leaf.verify(authority.publicKey),
    );
    const key = leaf.publicKey;
    const signature = Buffer.from(signed.signature, 'base64');
    if (!issued || !verify(digestFor(key.asymmetricKeyType), Buffer.from(statement), key, signature)) return undefined;
    return spiffeIdOf(leaf);
  } catch {
    // Not a certificate, or a key that signs nothing.
    return undefined;
  }
}

function digestFor(keyType: string | undefined): 'sha256' | null {
  return keyType === 'ed25519' || keyType === 'ed448' ? null : 'sha256';
}
