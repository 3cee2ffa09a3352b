/** Whose receipts for evidence count: the keys of the role `timestamp`, as the newest root that was accepted names them. */

import {
  type NoteVerifier,
  noteVerifierKey,
  openNoteVerifier,
  type ReceiptKeys,
  receiptSignerName,
} from '@portcullis/policy/evidence';
import { signersOf } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';
import { walkRoots } from './root-chain.js';

/** A new root counts after this. */
const KEEP_MS = 5_000;

/** Reads them from the roots of a bundle client. */
export function createReceiptKeys(options: {
  readonly pinnedRoot: Uint8Array;
  readonly rootsDir: string;
  readonly trustDomain: string;
  readonly clock: Clock;
}): () => Promise<ReceiptKeys> {
  const name = receiptSignerName(options.trustDomain);
  let keys: ReceiptKeys | undefined;
  let readAt = 0;
  return async () => {
    const now = options.clock.monotonic();
    if (keys !== undefined && now - readAt < KEEP_MS) return keys;
    const { metadata } = await walkRoots(options.pinnedRoot, options.rootsDir);
    const role = signersOf(metadata, 'timestamp');
    const verifiers = role.keyIds.flatMap((id): NoteVerifier[] => {
      const hex = role.keys[id]?.keyVal['public'] ?? '';
      const verifier = /^[0-9a-f]{64}$/.test(hex)
        ? openNoteVerifier(noteVerifierKey(name, Buffer.from(hex, 'hex')))
        : undefined;
      return verifier === undefined ? [] : [verifier];
    });
    // One key counts once, also when the root lists it under two ids.
    const distinct = new Map(verifiers.map((verifier) => [Buffer.from(verifier.publicKey).toString('hex'), verifier]));
    keys = { verifiers: [...distinct.values()], threshold: role.threshold };
    readAt = now;
    return keys;
  };
}
