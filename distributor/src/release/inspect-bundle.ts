/** Looks at a bundle the way a PDP will. */

import { compileBundle, linkBundle, loadModuleEngines } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { InspectBundle } from './accept-bundles.js';

/** Unpacks, compiles and links a bundle; a bundle that fails any of it is never published. */
export const inspectBundle: InspectBundle = async (bytes) => {
  const files = await unpackBundle(bytes);
  if (!files.ok) return files;
  const compiled = compileBundle(files.value);
  if (!compiled.ok) return compiled;
  const modules = await loadModuleEngines(compiled.value);
  if (!modules.ok) return modules;
  return { ok: true, value: { policyVersion: linkBundle(compiled.value, modules.value).policyVersion } };
};
