/** Who writes a chain: `<trust domain>/pdp/<node>/<fingerprint of the key>`. A new key is a new writer. */

import { createHash } from 'node:crypto';

/** The parts of a writer's name. */
export interface WriterName {
  readonly trustDomain: string;
  /** The node's name, as its certificate has it. */
  readonly node: string;
  /** The first 16 hex digits of the SHA-256 of the public key. */
  readonly fingerprint: string;
}

const FINGERPRINT_DIGITS = 16;
const WRITER = /^([a-z0-9._-]{1,255})\/pdp\/([A-Za-z0-9._-]{1,128})\/([0-9a-f]{16})$/;

/** The name of the writer with this Ed25519 public key (32 bytes). @param owner `<trust domain>/pdp/<node>` */
export function writerName(owner: string, publicKey: Uint8Array): string {
  return `${owner}/${createHash('sha256').update(publicKey).digest('hex').slice(0, FINGERPRINT_DIGITS)}`;
}

/** Takes a writer's name apart; `undefined` when it is none. */
export function parseWriterName(name: string): WriterName | undefined {
  const [, trustDomain, node, fingerprint] = WRITER.exec(name) ?? [];
  if (trustDomain === undefined || node === undefined || fingerprint === undefined) return undefined;
  return { trustDomain, node, fingerprint };
}
