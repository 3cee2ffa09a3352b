/** New keys for the kill lists of an environment: what targets delegates to, and the list that the new keys sign. */

import { Metadata, MetadataKind } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { refused } from './document.js';
import { type Kill, signKillList } from './kill-list.js';
import { expiryAfter, type JsonObject, parseTargets, type SignedFile, signedFile } from './metadata.js';
import { killsRole } from './paths.js';
import type { SigningKey } from './signing-key.js';

/** What {@link rotateKillKeys} is told. */
export interface KillKeyRotation {
  /** Exact bytes of the targets metadata before. */
  readonly targets: Uint8Array;
  /** Of targets; whether they suffice is for who reads the result to say. */
  readonly keys: readonly SigningKey[];
  readonly env: string;
  /** Those of before do not count any more. */
  readonly newKeys: readonly SigningKey[];
  /** How many of the new keys must sign a list. */
  readonly threshold: number;
  /** The `seq` of the list that is carried over, and what it stops. */
  readonly seq: number;
  readonly kills: readonly Kill[];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly targetsLifetimeMs: number;
  readonly listLifetimeMs: number;
}

/** Both documents; they only make sense together. */
export interface RotatedKills {
  readonly targets: SignedFile;
  readonly list: SignedFile;
}

/**
 * Signs targets N+1, which differs from N in the keys of `kills-<env>` alone, and the list by the new keys, so that what is stopped
 * stays stopped. Refuses with `ERR_TRUST_SIGNATURE` when the new keys do not meet their own threshold, with `ERR_TRUST_ENV` for
 * an environment that has no kill lists.
 */
export function rotateKillKeys(options: KillKeyRotation): Checked<RotatedKills> {
  const { env, newKeys, threshold, now, seq, kills } = options;
  const current = parseTargets(options.targets);
  if (!current.ok) return current;
  const name = killsRole(env);
  const ids = [...new Set(newKeys.map(({ keyId }) => keyId))];
  if (!Number.isInteger(threshold) || threshold < 1 || ids.length < threshold) {
    return refused('ERR_TRUST_SIGNATURE', `${name} has too few keys for threshold ${threshold}`, name);
  }
  const fields = current.value.signed.toJSON();
  const delegations = fields['delegations'] as Delegations | undefined;
  const before = delegations?.roles ?? [];
  if (!before.some((role) => role.name === name)) {
    return refused('ERR_TRUST_ENV', `targets does not delegate to ${name}`, name);
  }
  const roles = before.map((role) => (role.name === name ? { ...role, keyids: ids, threshold } : role));
  const known = {
    ...delegations?.keys,
    ...Object.fromEntries(newKeys.map((key) => [key.keyId, key.publicKey.toJSON()])),
  };
  // Environments may share keys: those that another role still names stay.
  const used = new Set(roles.flatMap(({ keyids }) => keyids));
  const signed = {
    ...fields,
    version: current.value.signed.version + 1,
    expires: expiryAfter(now, options.targetsLifetimeMs),
    delegations: {
      ...delegations,
      roles,
      keys: Object.fromEntries(Object.entries(known).filter(([id]) => used.has(id))),
    },
  };
  const next = Metadata.fromJSON(MetadataKind.Targets, { signed: signed as unknown as JsonObject, signatures: [] });
  const list = signKillList({ env, seq, kills, keys: newKeys, now, lifetimeMs: options.listLifetimeMs });
  return list.ok ? { ok: true, value: { targets: signedFile(next, options.keys), list: list.value } } : list;
}

interface Delegations {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly roles: readonly { readonly name: string; readonly keyids: readonly string[] }[];
}
