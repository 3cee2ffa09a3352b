/** The only keys that the distributor holds: snapshot and timestamp. With them alone no policy can be shipped. */

import { join } from 'node:path';
import { openSigningKey, type SigningKey, signersOf } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import type { Disk } from '../repository/disk.js';
import type { RootMetadata } from '../repository/state.js';

/** The roles that the distributor signs. */
export const ONLINE_ROLES = ['snapshot', 'timestamp'] as const;
/** A role that the distributor signs. */
export type OnlineRole = (typeof ONLINE_ROLES)[number];

/** The keys of one role that `root` admits, enough of them to meet its threshold. */
export type OnlineKeys = (role: OnlineRole, root: RootMetadata) => readonly SigningKey[];

/**
 * Opens `snapshot*.pem` and `timestamp*.pem` of `keysDir`, and no other file there. Several keys of a role may lie there at
 * once, so that a root rotation finds the new one in place; each root picks those that it names.
 * @returns a function that throws `ERR_TRUST_KEY` when there are too few keys for a root.
 * @throws PortcullisError `ERR_TRUST_KEY` when a file is not an Ed25519 private key.
 */
export async function loadOnlineKeys(keysDir: string, disk: Disk): Promise<OnlineKeys> {
  const held: Readonly<Record<OnlineRole, SigningKey[]>> = { snapshot: [], timestamp: [] };
  for (const name of await disk.list(keysDir)) {
    const role = /^(snapshot|timestamp)[A-Za-z0-9._-]*\.pem$/.exec(name)?.[1] as OnlineRole | undefined;
    if (role === undefined) continue;
    const pem = await disk.read(join(keysDir, name));
    const key = openSigningKey(new TextDecoder().decode(pem));
    if (!key.ok) {
      const [problem] = key.problems;
      throw new PortcullisError('ERR_TRUST_KEY', 'invalid', `${name} is not usable: ${problem?.message ?? ''}`, {
        details: { keysDir },
      });
    }
    held[role].push(key.value);
  }
  return (role, root) => {
    const { keyIds, threshold } = signersOf(root, role);
    const admitted = held[role].filter((key) => keyIds.includes(key.keyId));
    if (admitted.length >= threshold) return admitted;
    const version = root.signed.version;
    throw new PortcullisError(
      'ERR_TRUST_KEY',
      'invalid',
      `the keys folder has no ${role} key that root ${version} admits`,
      {
        details: { keysDir, role, due: keyIds },
      },
    );
  };
}
