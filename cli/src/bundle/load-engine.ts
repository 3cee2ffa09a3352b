import { readFile, stat } from 'node:fs/promises';
import { compileBundle, type Engine, linkBundle, loadModuleEngines } from '@portcullis/policy';
import { type BuiltBundle, buildBundle, sha256Hex, unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readSource } from './read-source.js';

/** A runnable bundle, and the digest it would be released under. */
export interface LoadedEngine {
  readonly engine: Engine;
  readonly sha256: string;
}

/** Validates, compiles and packs a policy directory. Reads files; otherwise as `buildBundle`. */
export async function buildFromDirectory(directory: string): Promise<Checked<BuiltBundle>> {
  return buildBundle(await readSource(directory));
}

/**
 * Reads a bundle file.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read.
 */
export async function readBundleFile(path: string): Promise<Uint8Array> {
  return readFile(path).then(
    (bytes) => new Uint8Array(bytes),
    (cause: unknown) => {
      throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `${path} cannot be read: expected a bundle`, { cause });
    },
  );
}

/** Unpacks, compiles and links a bundle exactly as a PDP does. */
export async function engineOf(bytes: Uint8Array): Promise<Checked<LoadedEngine>> {
  const unpacked = await unpackBundle(bytes);
  if (!unpacked.ok) return unpacked;
  const compiled = compileBundle(unpacked.value);
  if (!compiled.ok) return compiled;
  const modules = await loadModuleEngines(compiled.value);
  if (!modules.ok) return modules;
  return { ok: true, value: { engine: linkBundle(compiled.value, modules.value), sha256: sha256Hex(bytes) } };
}

/**
 * Loads an engine from a policy directory or a bundle file. A directory is packed and unpacked on the way, so that
 * what is evaluated here is what a PDP would evaluate.
 */
export async function loadEngine(path: string): Promise<Checked<LoadedEngine>> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new PortcullisError(
      'ERR_CLI_SOURCE',
      'invalid',
      `${path} does not exist: expected a policy directory or a bundle`,
      { cause },
    );
  });
  if (!found.isDirectory()) return engineOf(await readBundleFile(path));
  const built = await buildFromDirectory(path);
  return built.ok ? engineOf(built.value.bytes) : built;
}
