import {
  type BundleUpdate,
  type CompiledBundle,
  checkModules,
  compileBundle,
  createCompiler,
} from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';

/** From the exact bytes of a bundle to plain data, from scratch. The caller has checked the digest. */
export async function compileBundleBytes(bytes: Uint8Array): Promise<Checked<CompiledBundle>> {
  const files = await unpackBundle(bytes);
  if (!files.ok) return files;
  const compiled = compileBundle(files.value);
  if (!compiled.ok) return compiled;
  // A module that would bring its engine down must do so here.
  const problems = await checkModules(compiled.value);
  return problems.length === 0 ? compiled : { ok: false, problems };
}

/**
 * The same, one bundle after another, as updates of the one before: what the worker runs. A bundle with problems changes
 * nothing. Calls must not overlap.
 */
export function createBytesCompiler(): (bytes: Uint8Array) => Promise<Checked<BundleUpdate>> {
  let compiler = createCompiler();
  return async (bytes) => {
    const files = await unpackBundle(bytes);
    if (!files.ok) return files;
    const update = compiler.compile(files.value);
    if (!update.ok) return update;
    const problems = await checkModules(update.value.bundle);
    if (problems.length === 0) return update;
    // It will not be received, so nothing may build on it.
    compiler = createCompiler();
    return { ok: false, problems };
  };
}
