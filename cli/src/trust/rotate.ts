import {
  DEFAULT_EXPIRIES,
  type RoleChange,
  rotateRoot,
  type SignedFile,
  TOP_LEVEL_ROLES,
  type TopLevelRole,
} from '@portcullis/policy/trust';
import { problemFault, usageFault } from '../faults.js';
import { readSigningKeys } from './keys.js';

/** One top-level role and the folder with its new keys. */
export interface RoleKeys {
  readonly role: TopLevelRole;
  readonly directory: string;
  /** How many must sign from now on; all of them by default. */
  readonly threshold?: number;
}

/**
 * Reads `ROLE=DIR` or `ROLE=DIR:N`, N being the new threshold.
 * @throws PortcullisError `ERR_CLI_USAGE`.
 */
export function parseRoleKeys(text: string): RoleKeys {
  const [, roleText, directory, threshold] = /^([a-z]+)=(.+?)(?::([1-9]\d?))?$/.exec(text) ?? [];
  const role = TOP_LEVEL_ROLES.find((known) => known === roleText);
  if (role === undefined || directory === undefined) {
    throw usageFault(
      `--replace: expected ROLE=DIR or ROLE=DIR:THRESHOLD with one of ${TOP_LEVEL_ROLES.join(', ')}, found ${JSON.stringify(text)}`,
    );
  }
  return { role, directory, ...(threshold === undefined ? {} : { threshold: Number(threshold) }) };
}

/**
 * Signs root N+1, with the same keys (a renewal) or with new ones for some roles.
 * @throws PortcullisError `ERR_TRUST_ROTATE` when the keys do not meet the threshold of both roots, `ERR_CLI_KEYS`.
 */
export async function rotateRootFile(options: {
  readonly current: Uint8Array;
  readonly keyDirectories: readonly string[];
  readonly replace: readonly RoleKeys[];
  /** Epoch milliseconds. */
  readonly now: number;
}): Promise<SignedFile> {
  const changes: RoleChange[] = [];
  for (const { role, directory, threshold } of options.replace) {
    const keys = await readSigningKeys([directory]);
    changes.push({ role, keys, threshold: threshold ?? keys.length });
  }
  const rotated = rotateRoot({
    current: options.current,
    keys: await readSigningKeys(options.keyDirectories),
    now: options.now,
    lifetimeMs: DEFAULT_EXPIRIES.root,
    changes,
  });
  if (!rotated.ok) throw problemFault('ERR_TRUST_ROTATE', 'the next root was not signed', rotated.problems);
  return rotated.value;
}
