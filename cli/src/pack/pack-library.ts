import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  builtInPacksFolder,
  createSchemaCompiler,
  didYouMean,
  type Pack,
  readPack,
  type SchemaCompiler,
} from '@portcullis/policy';
import type { Checked } from '@portcullis/policy/model';
import { readSource } from '../bundle/read-source.js';
import { usageFault } from '../faults.js';

/** A pack that can be added: its files by their names inside its folder. */
export interface PackSource {
  readonly pack: Pack;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** `built-in`, or the folder it was read from. */
  readonly origin: string;
}

/** The origin of packs that come with Portcullis. */
export const BUILT_IN = 'built-in';

/** The names of the packs that come with Portcullis. */
export async function builtInPackNames(): Promise<readonly string[]> {
  const entries = await readdir(fileURLToPath(builtInPacksFolder()), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

/** Every pack that comes with Portcullis, by name. */
export async function builtInPacks(): Promise<readonly Pack[]> {
  const compiler = createSchemaCompiler();
  const packs = await Promise.all((await builtInPackNames()).map((name) => openPack(name, undefined, compiler)));
  return packs.flatMap((opened) => (opened.ok ? [opened.value.pack] : []));
}

/**
 * Opens a pack: the one in the folder `from`, or the built-in one of this name.
 * @throws PortcullisError `ERR_CLI_USAGE` when there is no built-in pack of this name, or `from` holds another one;
 * `ERR_CLI_SOURCE` when it cannot be read
 */
export async function openPack(
  name: string,
  from: string | undefined,
  compiler: SchemaCompiler = createSchemaCompiler(),
): Promise<Checked<PackSource>> {
  const folder = from ?? (await builtInFolder(name));
  const files = await readSource(folder);
  const pack = readPack(files, '', compiler);
  if (!pack.ok) return pack;
  const found = pack.value.manifest.name;
  if (found !== name) throw usageFault(`--from: ${folder} holds the pack "${found}", not "${name}"`);
  return { ok: true, value: { pack: pack.value, files, origin: from ?? BUILT_IN } };
}

async function builtInFolder(name: string): Promise<string> {
  const names = await builtInPackNames();
  if (names.includes(name)) return fileURLToPath(new URL(`${name}/`, builtInPacksFolder()));
  const hint = 'see "portcullis pack list", or give the folder of your own with --from';
  throw usageFault(`there is no built-in pack "${name}"${didYouMean(name, names) || `: ${hint}`}`);
}
