/** SHA-256 of a text, in bytes, on the path of every decision. */

import { hash } from 'node:crypto';

/**
 * SHA-256 of the text's UTF-8 bytes, in a Buffer out of the pool. Asked for a Buffer itself, `hash` allocates one outside
 * the heap, which costs more than hashing does, is collected apart, and makes the heap look larger than it is.
 */
export function sha256(text: string): Buffer {
  return Buffer.from(hash('sha256', text, 'latin1'), 'latin1');
}
