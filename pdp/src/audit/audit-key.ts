/** The key of a PDP's chain. Its public half is part of the writer's name, so that a new key means a new chain. */

import { readFile } from 'node:fs/promises';
import { type NoteSigner, openNoteSigner, publicKeyBytes, writerName } from '@portcullis/policy/evidence';
import { newEd25519Key } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { writeDurably } from '../bundles/durable-file.js';

/**
 * Opens the key (PKCS8 PEM), or creates it on the first start (0600).
 * @param owner what the writer's name begins with
 * @throws PortcullisError `ERR_AUDIT_KEY` when the file is no Ed25519 key.
 */
export async function openAuditKey(file: string, owner: string): Promise<NoteSigner> {
  const pem = (await readIfThere(file)) ?? (await createKey(file));
  try {
    return openNoteSigner(writerName(owner, publicKeyBytes(pem)), pem);
  } catch (cause) {
    throw new PortcullisError('ERR_AUDIT_KEY', 'invalid', `${file} is no Ed25519 private key`, { cause });
  }
}

async function createKey(file: string): Promise<string> {
  const pem = newEd25519Key();
  await writeDurably(file, Buffer.from(pem));
  return pem;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
