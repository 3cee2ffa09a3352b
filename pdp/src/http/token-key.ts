/** The key under which this surface seals what its clients bring back: page tokens, bindings of access requests. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';

const KEY_BYTES = 32;

/** Reads it, or makes one up for this process. @throws PortcullisError kind `invalid` when the file has none. */
export async function openTokenKey(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) return randomBytes(KEY_BYTES);
  const unusable = (message: string, cause?: unknown): PortcullisError =>
    new PortcullisError('ERR_HTTP_TOKEN_KEY', 'invalid', message, { cause, details: { file } });
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw unusable('the key of tokens cannot be read', cause);
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES) throw unusable('the key of tokens is not 32 bytes in base64');
  return key;
}
