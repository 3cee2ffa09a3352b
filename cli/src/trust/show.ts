import { readFile } from 'node:fs/promises';
import type { Checked } from '@portcullis/policy/model';
import { expiryOf, isExpired, openTrustedRoot, signersOf, TOP_LEVEL_ROLES } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';

/** What a root says. */
export interface RootReport {
  readonly version: number;
  /** RFC 3339. */
  readonly expires: string;
  readonly expired: boolean;
  readonly roles: readonly {
    readonly role: string;
    readonly threshold: number;
    readonly key_ids: readonly string[];
  }[];
}

/**
 * Reads a root file.
 * @throws PortcullisError `ERR_CLI_ROOT` when it cannot be read.
 */
export async function readRootFile(path: string): Promise<Uint8Array> {
  return readFile(path).then(
    (bytes) => new Uint8Array(bytes),
    (cause: unknown) => {
      throw new PortcullisError(
        'ERR_CLI_ROOT',
        'invalid',
        `--root: ${path} cannot be read: expected the root.json that "portcullis trust init" wrote`,
        { cause },
      );
    },
  );
}

/** Describes a root after checking that it is signed by itself. `now` is epoch milliseconds. */
export function describeRoot(bytes: Uint8Array, now: number): Checked<RootReport> {
  const root = openTrustedRoot(bytes);
  if (!root.ok) return root;
  return {
    ok: true,
    value: {
      version: root.value.signed.version,
      expires: new Date(expiryOf(root.value)).toISOString(),
      expired: isExpired(root.value, now),
      roles: TOP_LEVEL_ROLES.map((role) => {
        const { keyIds, threshold } = signersOf(root.value, role);
        return { role, threshold, key_ids: keyIds };
      }),
    },
  };
}
