import { readPack } from '@portcullis/policy';
import { readSource } from '../bundle/read-source.js';
import { openBundleFile } from './bundle-sets.js';
import { builtInPacks } from './pack-library.js';
import { filesBelow, packDigest, readLock } from './pack-lock.js';

/** A pack that a source uses. */
export interface UsedPack {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  readonly sets: readonly string[];
  /** Whether its files are not those that were vendored. */
  readonly edited: boolean;
  /** The version that could be had from the built-in ones; absent when there is none of this name. */
  readonly available?: string;
}

/**
 * The packs that a source uses, by folder.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read
 */
export async function usedPacks(directory: string): Promise<readonly UsedPack[]> {
  const source = await readSource(directory);
  const lock = readLock(source);
  const bundle = openBundleFile(directory, source.get('bundle.yaml'));
  const versions = new Map((await builtInPacks()).map(({ manifest }) => [manifest.name, manifest.version]));
  const byFolder = Map.groupBy(bundle.packSets, ({ pack }) => pack);
  return [...byFolder]
    .map(([folder, sets]): UsedPack => {
      const files = filesBelow(source, folder);
      const read = readPack(files, '');
      const { name, version } = read.ok ? read.value.manifest : { name: lock[folder]?.name ?? folder, version: '?' };
      const available = versions.get(name);
      return {
        name,
        version,
        folder,
        sets: sets.map((set) => set.name),
        edited: lock[folder]?.sha256 !== packDigest(files),
        ...(available === undefined ? {} : { available }),
      };
    })
    .toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
}
