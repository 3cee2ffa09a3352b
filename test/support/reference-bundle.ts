import { parse } from 'yaml';
import type { ReferenceBundle, ReferencePolicy, ReferenceSet } from './reference-evaluator.js';

interface Manifest {
  readonly version: string;
  readonly default?: 'allow' | 'deny';
  readonly sets: readonly (Omit<ReferenceSet, 'policies'> & { readonly policies: string })[];
}

/** Reads a valid source folder into the reference evaluator's terms, without the compiler. */
export function readReferenceBundle(files: ReadonlyMap<string, Uint8Array>): ReferenceBundle {
  const read = (name: string): unknown => parse(new TextDecoder().decode(files.get(name)));
  const manifest = read('bundle.yaml') as Manifest;
  return {
    ...manifest,
    sets: manifest.sets.map((set) => ({
      ...set,
      policies: [...files.keys()]
        .filter((name) => name.startsWith(`${set.policies}/`))
        .flatMap((name) => read(name) as ReferencePolicy | readonly ReferencePolicy[])
        .map((policy) => ({ ...policy, slug: policy.slug ?? plainSlug(policy.name) })),
    })),
  };
}

/** The slug of a plain ASCII name. */
function plainSlug(name: string): string {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join('-');
}
