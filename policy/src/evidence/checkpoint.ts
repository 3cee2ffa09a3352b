/**
 * Checkpoints (the body of c2sp.org/tlog-checkpoint): origin, size, hash. The hash is the head of the chain, the hash of
 * record number `size`, which commits to every record before it.
 */

import type { NoteSigner, NoteVerifier } from './signed-note.js';

/** How far a chain had come. */
export interface Checkpoint {
  /** The writer of the chain. */
  readonly origin: string;
  /** Number of records; the `seq` of the last. */
  readonly size: number;
  /** Lower-case hex hash of the last record. */
  readonly head: string;
}

/** A signed note that says so. */
export function signCheckpoint(signer: NoteSigner, position: Omit<Checkpoint, 'origin'>): string {
  return signer.sign(`${signer.name}\n${position.size}\n${Buffer.from(position.head, 'hex').toString('base64')}\n`);
}

/** What a note says, when the key signed it and it is about the key's own chain; otherwise why it says nothing. */
export function openCheckpoint(
  verifier: NoteVerifier,
  note: string,
): { readonly ok: true; readonly checkpoint: Checkpoint } | { readonly ok: false; readonly message: string } {
  const text = verifier.open(note);
  if (text === undefined) return { ok: false, message: `it carries no right signature of ${verifier.name}` };
  const [origin = '', size = '', hash = ''] = text.split('\n');
  if (origin !== verifier.name) return { ok: false, message: `it is about ${origin}, not about ${verifier.name}` };
  const head = Buffer.from(hash, 'base64');
  if (!/^(?:0|[1-9]\d{0,14})$/.test(size) || head.length !== 32 || head.toString('base64') !== hash) {
    return {
      ok: false,
      message: 'it is signed and not a checkpoint: expected origin, size and SHA-256 on a line each',
    };
  }
  return { ok: true, checkpoint: { origin, size: Number(size), head: head.toString('hex') } };
}
