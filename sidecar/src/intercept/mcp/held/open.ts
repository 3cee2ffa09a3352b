/** Makes what meets holds in a process. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import type { ApprovalsConfig } from './config.js';
import { createHolds, type Holds, type HoldsOptions } from './holds.js';
import { createStateSealer } from './sealed-state.js';

const KEY_BYTES = 32;

/**
 * Reads the key of states, or makes one.
 * @throws PortcullisError when the configured file cannot be read or is too short
 */
export async function openHolds(
  config: ApprovalsConfig,
  parts: Omit<HoldsOptions, 'config' | 'sealer'>,
): Promise<Holds> {
  return createHolds({ ...parts, config, sealer: createStateSealer(await readKey(config.stateKeyFile)) });
}

async function readKey(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) return randomBytes(KEY_BYTES);
  const unusable = (cause?: unknown): PortcullisError =>
    new PortcullisError(
      'ERR_CREDENTIAL_MISSING',
      'invalid',
      `approvals.stateKeyFile must name a readable file of at least ${KEY_BYTES} random bytes`,
      { details: { source: file }, ...(cause === undefined ? {} : { cause }) },
    );
  const key = await readFile(file).catch((thrown: unknown) => {
    throw unusable(thrown);
  });
  if (key.length < KEY_BYTES) throw unusable();
  return key;
}
