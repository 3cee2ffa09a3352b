import type { Problem } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readSource } from '../bundle/read-source.js';
import { usageFault } from '../faults.js';
import { openBundleFile } from './bundle-sets.js';
import { openPack } from './pack-library.js';
import { filesBelow, LOCK_FILE, packDigest, readLock, writeLock } from './pack-lock.js';
import { readParameterFlags } from './parameter-flags.js';
import { applyChange, changeOf, newProblems, withFolder } from './vendor.js';

/** Where vendored packs lie in a source. */
export const PACKS_FOLDER = 'packs';

/** What to add, and to which source. */
export interface AddPackOptions {
  readonly pack: string;
  readonly directory: string;
  /** A folder with a pack of one's own, instead of a built-in one. */
  readonly from?: string;
  /** The name of the set; the pack's when absent. */
  readonly name?: string;
  readonly layer?: string;
  readonly tenant?: string;
  readonly workspace?: string;
  readonly set: readonly string[];
  readonly env: readonly string[];
  /** Whether a vendored pack of another content is replaced. */
  readonly force: boolean;
}

/** What was added, or why it was not. */
export type AddPackResult =
  | {
      readonly ok: true;
      readonly set: string;
      readonly layer: string;
      readonly pack: string;
      readonly version: string;
      readonly folder: string;
      readonly written: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Vendors a pack into a source folder and adds a set to its `bundle.yaml`. Writes nothing unless the source compiles
 * with it as well as it did before.
 * @throws PortcullisError `ERR_CLI_USAGE`, `ERR_CLI_SOURCE`; `ERR_PACK_EXISTS` when another version, or an edited one, is
 * vendored already
 */
export async function addPack(options: AddPackOptions): Promise<AddPackResult> {
  const opened = await openPack(options.pack, options.from);
  if (!opened.ok) return opened;
  const { pack, files, origin } = opened.value;
  const given = readParameterFlags(pack, options);
  const source = await readSource(options.directory);
  const bundle = openBundleFile(options.directory, source.get('bundle.yaml'));
  const name = options.name ?? pack.manifest.name;
  if (bundle.setNames.includes(name)) {
    throw usageFault(`a set is called "${name}" already: give this one another name with --name`);
  }
  const folder = `${PACKS_FOLDER}/${pack.manifest.name}`;
  const sha256 = packDigest(files);
  const vendored = filesBelow(source, folder);
  if (vendored.size > 0 && packDigest(vendored) !== sha256 && !options.force) {
    throw new PortcullisError(
      'ERR_PACK_EXISTS',
      'conflict',
      `${folder} holds another version of the pack, or one that was edited: use "portcullis pack upgrade ${pack.manifest.name}"` +
        ', or pass --force to replace it',
    );
  }
  const layer = options.layer ?? pack.manifest.layer;
  const text = bundle.withSet({
    name,
    layer,
    ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
    ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
    pack: folder,
    ...given,
  });
  const after = withFolder(source, folder, files);
  const { version } = pack.manifest;
  const lock = { ...readLock(source), [folder]: { name: pack.manifest.name, version, origin, sha256 } };
  after.set('bundle.yaml', new TextEncoder().encode(text));
  after.set(LOCK_FILE, new TextEncoder().encode(writeLock(lock)));
  const problems = newProblems(source, after);
  if (problems.length > 0) return { ok: false, problems };
  const change = changeOf(source, after);
  await applyChange(options.directory, change, ['bundle.yaml', LOCK_FILE]);
  return { ok: true, set: name, layer, pack: pack.manifest.name, version, folder, written: change.written };
}
