/** Credentials for what is upstream: named in the configuration, read from elsewhere, never the agent's own. */

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { Environment } from './environment.js';

/** Where the value of an injected header or key is; never in the configuration itself, where it would be copied and printed. */
export const secretSource = z.union([
  z.strictObject({ file: z.string().min(1).describe('File that holds the value; surrounding white space is cut.') }),
  z.strictObject({
    env: z
      .string()
      .regex(/^[A-Z_][A-Z0-9_]*$/)
      .describe('Environment variable that holds the value.'),
  }),
]);

/** Where an injected header's value comes from. */
export type SecretSource = z.output<typeof secretSource>;

/**
 * Reads the value.
 * @param name the header that it is for, for the error
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when there is none, or it cannot stand in a header.
 */
export async function readSecret(name: string, source: SecretSource, env: Environment): Promise<string> {
  const missing = (cause?: unknown): PortcullisError =>
    new PortcullisError('ERR_CREDENTIAL_MISSING', 'invalid', 'the value of an upstream header is missing or unusable', {
      details: { header: name, source: 'file' in source ? source.file : source.env },
      ...(cause === undefined ? {} : { cause }),
    });
  let value: string;
  try {
    value = ('file' in source ? await readFile(source.file, 'utf8') : (env[source.env] ?? '')).trim();
  } catch (error: unknown) {
    throw missing(error);
  }
  if (!/^[\x20-\x7e]+$/.test(value)) throw missing();
  return value;
}
