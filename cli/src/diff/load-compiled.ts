import { stat } from 'node:fs/promises';
import { type CompiledBundle, compileBundle } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readBundleFile } from '../bundle/load-engine.js';
import { readSource } from '../bundle/read-source.js';

/**
 * Compiles a policy directory or a bundle file.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read
 */
export async function loadCompiled(path: string): Promise<Checked<CompiledBundle>> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${path} does not exist: expected a policy directory or a bundle`;
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
  });
  if (found.isDirectory()) return compileBundle(await readSource(path));
  const unpacked = await unpackBundle(await readBundleFile(path));
  return unpacked.ok ? compileBundle(unpacked.value) : unpacked;
}
