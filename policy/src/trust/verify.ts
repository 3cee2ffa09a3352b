/** Who signed: thresholds of distinct keys, the root chain, and expiry, as a TUF client checks them. */

import type { Key, Metadata, Root, Targets } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { messageOf, refused } from './document.js';
import { type AnyMetadata, parseRoot } from './metadata.js';

const CODE = 'ERR_TRUST_SIGNATURE';

/**
 * Whether `metadata` is signed by enough distinct keys of `role`, as `delegator` (root or targets) names them. One key
 * counts once, also when the delegator lists it under two ids.
 */
export function verifyRole(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
  metadata: AnyMetadata,
): Checked<void> {
  try {
    delegator.verifyDelegate(role, metadata);
  } catch (error) {
    return refused(CODE, messageOf(error), role);
  }
  const { keyIds, threshold, keys } = signersOf(delegator, role);
  const distinct = new Set(
    keyIds.filter((id) => hasSigned(keys[id], metadata)).map((id) => keys[id]?.keyVal['public']),
  );
  if (distinct.size >= threshold) return { ok: true, value: undefined };
  return refused(CODE, `${role} was signed by ${distinct.size}/${threshold} distinct keys`, role);
}

/** The keys that may sign `role`, and how many of them must. A role that is not delegated has none and can never be met. */
export function signersOf(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
): { readonly keyIds: readonly string[]; readonly threshold: number; readonly keys: Readonly<Record<string, Key>> } {
  const { signed } = delegator;
  const [roles, keys] =
    'roles' in signed ? [signed.roles, signed.keys] : [signed.delegations?.roles, signed.delegations?.keys];
  const found = roles !== undefined && Object.hasOwn(roles, role) ? roles[role] : undefined;
  return { keyIds: found?.keyIDs ?? [], threshold: found?.threshold ?? Number.POSITIVE_INFINITY, keys: keys ?? {} };
}

function hasSigned(key: Key | undefined, metadata: AnyMetadata): boolean {
  try {
    key?.verifySignature(metadata);
    return key !== undefined;
  } catch {
    return false;
  }
}

/** Opens a root that is trusted because of where it came from; it must still be signed by itself. Expiry is not checked. */
export function openTrustedRoot(bytes: Uint8Array): Checked<Metadata<Root>> {
  const root = parseRoot(bytes);
  if (!root.ok) return root;
  const signed = verifyRole(root.value, 'root', root.value);
  return signed.ok ? root : signed;
}

/** The next root: exactly one version on, signed by the thresholds of the trusted root and of itself. Expiry is not checked. */
export function verifyNextRoot(trusted: Metadata<Root>, bytes: Uint8Array): Checked<Metadata<Root>> {
  const next = parseRoot(bytes);
  if (!next.ok) return next;
  const due = trusted.signed.version + 1;
  if (next.value.signed.version !== due) {
    return refused('ERR_TRUST_VERSION', `expected root version ${due}, found ${next.value.signed.version}`, 'root');
  }
  for (const delegator of [trusted, next.value]) {
    const signed = verifyRole(delegator, 'root', next.value);
    if (!signed.ok) return signed;
  }
  return next;
}

/** Whether the metadata has expired at `now`, epoch milliseconds. */
export function isExpired(metadata: AnyMetadata, now: number): boolean {
  return metadata.signed.isExpired(new Date(now));
}

/** Epoch milliseconds at which the metadata expires. */
export function expiryOf(metadata: AnyMetadata): number {
  return Date.parse(metadata.signed.expires);
}
