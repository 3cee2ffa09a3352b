/** Makes the redactor of a process. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import type { RedactionConfig } from './config.js';
import { createRedactor, type Redactor, type RedactorOptions } from './redactor.js';

const KEY_BYTES = 32;

/**
 * Reads the key of `hash`, or makes one.
 * @throws PortcullisError when the configured file cannot be read or is too short
 */
export async function openRedactor(
  config: RedactionConfig,
  parts: Pick<RedactorOptions, 'clock' | 'observer'>,
): Promise<Redactor> {
  return createRedactor({ ...parts, config, hashKey: await readKey(config.hashKeyFile) });
}

async function readKey(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) return randomBytes(KEY_BYTES);
  const unusable = (cause?: unknown): PortcullisError =>
    new PortcullisError(
      'ERR_CREDENTIAL_MISSING',
      'invalid',
      `redaction.hashKeyFile must name a readable file of at least ${KEY_BYTES} random bytes`,
      { details: { source: file }, ...(cause === undefined ? {} : { cause }) },
    );
  const key = await readFile(file).catch((thrown: unknown) => {
    throw unusable(thrown);
  });
  if (key.length < KEY_BYTES) throw unusable();
  return key;
}
