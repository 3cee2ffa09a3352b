/** Whether a card is one that counts: the pinned one, one with a good signature, or the one that was seen first. */

import { readFile } from 'node:fs/promises';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { createLocalJWKSet, flattenedVerify, type JSONWebKeySet } from 'jose';
import { isObject } from '../mcp/message.js';
import { type AgentCard, canonicalCard, canonicalJson } from './card.js';

/** Judges cards of one peer; remembers the first where nothing else tells them apart. Nothing: it counts. */
export type CardTrust = (card: Pick<AgentCard, 'value' | 'digest'>) => Promise<string | undefined>;

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

/** Makes it. */
export function createCardTrust(options: {
  readonly sha256: string | undefined;
  readonly keys: JSONWebKeySet | undefined;
}): CardTrust {
  const { sha256, keys } = options;
  let first: string | undefined;
  return async (card) => {
    if (sha256 !== undefined && card.digest !== sha256) {
      return `its card is not the pinned one (cardSha256); it has ${card.digest}`;
    }
    if (keys !== undefined) {
      return (await isSigned(card.value, keys)) ? undefined : 'its card has no good signature by a key of cardKeysFile';
    }
    if (sha256 !== undefined) return undefined;
    first ??= card.digest;
    if (card.digest === first) return undefined;
    return `its card has changed since it was first seen; pin it to accept it: cardSha256 ${card.digest}`;
  };
}

/**
 * Reads the keys.
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when there are none.
 */
export async function readCardKeys(peer: string, file: string): Promise<JSONWebKeySet> {
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
