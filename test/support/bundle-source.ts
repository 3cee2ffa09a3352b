import { type CompiledBundle, compileBundle, type Engine, linkBundle } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import type { ReferenceBundle } from './reference-evaluator.js';

/** The files of a source folder, from texts. */
export function sourceFiles(texts: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]));
}

/** The source folder of a bundle that is given as data: one file per set. */
export function sourceOf(bundle: ReferenceBundle): ReadonlyMap<string, Uint8Array> {
  const texts: Record<string, string> = {
    'bundle.yaml': JSON.stringify({
      format: 'portcullis.policy/1',
      name: 'generated',
      version: bundle.version,
      default: bundle.default ?? 'deny',
      ...(bundle.fields === undefined ? {} : { fields: bundle.fields }),
      sets: bundle.sets.map(({ policies: _policies, ...set }) => ({ ...set, policies: `policies/${set.name}` })),
    }),
  };
  for (const set of bundle.sets) texts[`policies/${set.name}/all.json`] = JSON.stringify(set.policies);
  return sourceFiles(texts);
}

/** Compiles, or throws with every problem. */
export function compiled(files: ReadonlyMap<string, Uint8Array>): CompiledBundle {
  const result = compileBundle(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.value;
}

/** The engine of a bundle that is given as data; it crosses a structured clone, as it does from the compile worker. */
export function engineOf(bundle: ReferenceBundle): Engine {
  return linkBundle(structuredClone(compiled(sourceOf(bundle))));
}
