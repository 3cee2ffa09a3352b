import { type CompiledBundle, compileBundle } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';

/** From the exact bytes of a bundle to plain data; what the worker runs. The caller has checked the digest. */
export async function compileBundleBytes(bytes: Uint8Array): Promise<Checked<CompiledBundle>> {
  const files = await unpackBundle(bytes);
  return files.ok ? compileBundle(files.value) : files;
}
