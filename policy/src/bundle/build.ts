import canonicalize from 'canonicalize';
import { compileBundle, compileDocument, readBundleDocument } from '../engine/compile.js';
import type { CompiledBundle } from '../engine/ir.js';
import type { Checked } from '../model/problem.js';
import { checkModules } from '../modules/load-module-engines.js';
import { sha256Hex } from './digest.js';
import { gzip } from './gzip.js';
import { writePackedLayout } from './packed-layout.js';
import { writeTar } from './tar.js';
import { unpackBundle } from './unpack.js';

/** A bundle, ready to be signed and published. */
export interface BuiltBundle {
  /** The tar.gz; never re-compress it: its digest is its name. */
  readonly bytes: Uint8Array;
  /** Lower-case hex SHA-256 of `bytes`. */
  readonly sha256: string;
  readonly policyVersion: string;
  /** Active policies. */
  readonly policyCount: number;
}

/**
 * Checks, compiles and packs a source folder. The same source gives the same bytes on the same Node version.
 * What a PDP would refuse is never built: the result is unpacked and compiled again before it is returned.
 */
export async function buildBundle(source: ReadonlyMap<string, Uint8Array>): Promise<Checked<BuiltBundle>> {
  const document = readBundleDocument(source);
  if (!document.ok) return document;
  const compiled = compileDocument(document.value);
  if (!compiled.ok) return compiled;
  const problems = await checkModules(compiled.value);
  if (problems.length > 0) return { ok: false, problems };
  const bytes = await gzip(writeTar(writePackedLayout(document.value)));

  const unpacked = await unpackBundle(bytes);
  if (!unpacked.ok) return unpacked;
  const again = compileBundle(unpacked.value);
  if (!again.ok) return again;
  if (meaningOf(again.value) !== meaningOf(compiled.value)) {
    const message = 'the packed bundle does not mean what its source means; this is a defect, please report it';
    return { ok: false, problems: [{ code: 'ERR_BUNDLE_LAYOUT', message, path: '' }] };
  }
  return {
    ok: true,
    value: {
      bytes,
      sha256: sha256Hex(bytes),
      policyVersion: compiled.value.version,
      policyCount: compiled.value.sets.reduce((sum, set) => sum + set.rules.length, 0),
    },
  };
}

/** A bundle as one text; the bytes of its modules by their digests. */
function meaningOf(bundle: CompiledBundle): string | undefined {
  const modules = bundle.modules.map((module) => ({
    ...module,
    files: module.files.map(([name, bytes]) => [name, sha256Hex(bytes)]),
  }));
  // Packing sorts the names of an object, which then come in another order and mean the same.
  return canonicalize({ ...bundle, modules });
}
