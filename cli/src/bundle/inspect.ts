import { compileBundle, linkBundle, loadModuleEngines } from '@portcullis/policy';
import { sha256Hex, unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';

/** What is inside a bundle. */
export interface BundleReport {
  /** Lower-case hex SHA-256 of the file's bytes: the bundle's name. */
  readonly sha256: string;
  /** Compressed size. */
  readonly bytes: number;
  readonly policy_version: string;
  readonly policy_count: number;
  readonly facts_needed: readonly string[];
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

/** Describes a bundle after the same checks that a PDP makes before it loads one. */
export async function inspectBundle(bytes: Uint8Array): Promise<Checked<BundleReport>> {
  const unpacked = await unpackBundle(bytes);
  if (!unpacked.ok) return unpacked;
  const compiled = compileBundle(unpacked.value);
  if (!compiled.ok) return compiled;
  const modules = await loadModuleEngines(compiled.value);
  if (!modules.ok) return modules;
  const engine = linkBundle(compiled.value, modules.value);
  return {
    ok: true,
    value: {
      sha256: sha256Hex(bytes),
      bytes: bytes.byteLength,
      policy_version: engine.policyVersion,
      policy_count: engine.policyCount,
      facts_needed: engine.factsNeeded,
      files: [...unpacked.value].map(([path, content]) => ({
        path,
        bytes: content.byteLength,
        sha256: sha256Hex(content),
      })),
    },
  };
}
