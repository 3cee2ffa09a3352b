/** Signatures of agent cards (JWS). Loaded only when keys are configured. */

import { readFile } from 'node:fs/promises';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { createLocalJWKSet, flattenedVerify, type JSONWebKeySet } from 'jose';
import { isObject } from '../mcp/message.js';
import { canonicalCard, canonicalJson } from './card.js';
import type { IsSigned } from './card-trust.js';

/** Asymmetric ones only: a key set must not be usable to sign. */
const ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];
/** More than that is no card but work. */
const MAX_SIGNATURES = 8;
/** jose decodes leniently; a signature that can be written in two ways is none. */
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/**
 * Good are signatures by a key of `file`.
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when it has none.
 */
export async function openCardSignatures(peer: string, file: string): Promise<IsSigned> {
  const keys = await readCardKeys(peer, file);
  return (card) => isSigned(card, keys);
}

async function readCardKeys(peer: string, file: string): Promise<JSONWebKeySet> {
  try {
    const set: unknown = JSON.parse(await readFile(file, 'utf8'));
    const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
    if (!Array.isArray(keys) || keys.length === 0) throw new TypeError('expected {"keys": [a JSON Web Key, …]}');
    const local: JSONWebKeySet = { keys };
    createLocalJWKSet(local);
    return local;
  } catch (error: unknown) {
    throw new PortcullisError(
      'ERR_CREDENTIAL_MISSING',
      'invalid',
      'the keys of an agent card are missing or unusable',
      {
        details: { header: `cardKeysFile of ${peer}`, source: file },
        cause: error,
      },
    );
  }
}

/**
 * A2A 1.0, 8.4: a flattened JWS over the canonical JSON of the card without its signatures, in which members with default
 * values are left out. Signers that leave them in are understood as well: both texts say the same.
 */
async function isSigned(card: JsonObject, keys: JSONWebKeySet): Promise<boolean> {
  const { signatures, ...unsigned } = card;
  const list = Array.isArray(signatures) ? (signatures as readonly Json[]).slice(0, MAX_SIGNATURES) : [];
  const keyOf = createLocalJWKSet(keys);
  const texts = new Set([canonicalJson(withoutEmpty(unsigned) ?? {}), canonicalCard(card)]);
  for (const one of list) {
    const header = isObject(one) ? one['protected'] : undefined;
    const signature = isObject(one) ? one['signature'] : undefined;
    if (typeof header !== 'string' || typeof signature !== 'string') continue;
    if (!BASE64URL.test(header) || !BASE64URL.test(signature)) continue;
    for (const text of texts) {
      const payload = Buffer.from(text).toString('base64url');
      const jws = { protected: header, signature, payload };
      const isGood = await flattenedVerify(jws, keyOf, { algorithms: ALGORITHMS }).then(
        () => true,
        () => false,
      );
      if (isGood) return true;
    }
  }
  return false;
}

function withoutEmpty(value: Json): Json | undefined {
  if (value === '' || value === null) return undefined;
  if (Array.isArray(value)) {
    const kept = (value as readonly Json[]).map(withoutEmpty).filter((one) => one !== undefined);
    return kept.length === 0 ? undefined : kept;
  }
  if (!isObject(value)) return value;
  const kept = Object.entries(value).flatMap(([name, member]): [string, Json][] => {
    const inner = withoutEmpty(member);
    return inner === undefined ? [] : [[name, inner]];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
