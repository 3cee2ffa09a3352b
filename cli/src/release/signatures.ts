import { type AnyMetadata, type SigningKey, signersOf } from '@portcullis/policy/trust';
import type { TrustedRoot, TrustedTargets } from './trusted-view.js';

/** How far a role's metadata is from being signed by enough of its keys. */
export interface SignatureCount {
  readonly role: string;
  readonly threshold: number;
  /** Ids of the role's keys that have signed. Only counted, not verified: the distributor and the PDPs verify. */
  readonly signed: readonly string[];
  /** Ids of the role's keys that have not. */
  readonly others: readonly string[];
  readonly complete: boolean;
}

/** The given keys that `delegator` lets sign for `role`. */
export function keysFor(
  delegator: TrustedRoot | TrustedTargets,
  role: string,
  keys: readonly SigningKey[],
): readonly SigningKey[] {
  const { keyIds } = signersOf(delegator, role);
  return keys.filter((key) => keyIds.includes(key.keyId));
}

/** Counts the signatures of `role` on `metadata`. */
export function countSignatures(
  delegator: TrustedRoot | TrustedTargets,
  role: string,
  metadata: AnyMetadata,
): SignatureCount {
  const { keyIds, threshold } = signersOf(delegator, role);
  const signed = keyIds.filter((id) => id in metadata.signatures);
  return {
    role,
    threshold,
    signed,
    others: keyIds.filter((id) => !signed.includes(id)),
    complete: signed.length >= threshold,
  };
}

/** One line that says who must still sign. */
export function describeMissing(count: SignatureCount): string {
  const short = (ids: readonly string[]): string => ids.map((id) => id.slice(0, 12)).join(', ');
  const missing = count.threshold - count.signed.length;
  return `${count.role}: ${count.signed.length} of ${count.threshold} signatures; ${missing} more of the holders of ${short(count.others)} must sign`;
}
