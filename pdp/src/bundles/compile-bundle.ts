import { type CompiledBundle, checkModules, compileBundle } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';

/** From the exact bytes of a bundle to plain data; what the worker runs. The caller has checked the digest. */
export async function compileBundleBytes(bytes: Uint8Array): Promise<Checked<CompiledBundle>> {
  const files = await unpackBundle(bytes);
  if (!files.ok) return files;
  const compiled = compileBundle(files.value);
  if (!compiled.ok) return compiled;
  // A module that would bring its engine down must do so here.
  const problems = await checkModules(compiled.value);
  return problems.length === 0 ? compiled : { ok: false, problems };
}
