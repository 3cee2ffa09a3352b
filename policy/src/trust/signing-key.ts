/** Ed25519 keys. A private key enters as PKCS8 PEM and never leaves the object that signs with it. */

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import { Key, Signature } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { messageOf, refused } from './document.js';

const CODE = 'ERR_TRUST_KEY';

/** A key that can sign. */
export interface SigningKey {
  /** SHA-256 of the canonical public key, lower-case hex, as TUF recommends. */
  readonly keyId: string;
  readonly publicKey: Key;
  sign(bytes: Uint8Array): Signature;
}

/** Makes a private key, as PKCS8 PEM. The one source of chance in this package, passed as an argument wherever it is used. */
export type NewKey = () => string;

/** A fresh Ed25519 key, as PKCS8 PEM. */
export const newEd25519Key: NewKey = () =>
  generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;

/** The id of a public key: SHA-256 over its canonical JSON. */
export function keyIdOf(key: Key): string {
  return createHash('sha256').update(canonicalize(key.toJSON())).digest('hex');
}

/** Opens a PKCS8 PEM; refuses with `ERR_TRUST_KEY` anything but an Ed25519 private key. */
export function openSigningKey(pem: string): Checked<SigningKey> {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (error) {
    return refused(CODE, `not a private key: ${messageOf(error)}`);
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    return refused(CODE, `expected an ed25519 key, found ${privateKey.asymmetricKeyType ?? 'a secret'}`);
  }
  const raw = createPublicKey(privateKey).export({ format: 'jwk' }).x;
  if (raw === undefined) return refused(CODE, 'the key has no public part');
  const fields = {
    keyType: 'ed25519',
    scheme: 'ed25519',
    keyVal: { public: Buffer.from(raw, 'base64url').toString('hex') },
  };
  const keyId = keyIdOf(new Key({ keyID: '', ...fields }));
  return {
    ok: true,
    value: {
      keyId,
      publicKey: new Key({ keyID: keyId, ...fields }),
      sign: (bytes) => new Signature({ keyID: keyId, sig: sign(null, bytes, privateKey).toString('hex') }),
    },
  };
}
