import type { JsonObject } from '../model/request.js';
import type { Pack } from './pack.js';

/** Where {@link packAsBundle} puts the pack. */
export const LONE_PACK_FOLDER = 'pack';

/**
 * The source of a bundle that consists of one pack, so that a pack can be tested and measured by itself. Its default is
 * deny. The tests of the pack become the tests of the bundle. What other packs it requires is not looked at.
 * @param files the files of the pack, by their names inside its folder
 * @param values for the parameters; those that are absent have their defaults
 */
export function packAsBundle(
  { manifest }: Pack,
  files: ReadonlyMap<string, Uint8Array>,
  values: JsonObject = {},
): ReadonlyMap<string, Uint8Array> {
  const bundle = {
    format: 'portcullis.policy/1',
    name: manifest.name,
    version: manifest.version,
    sets: [{ name: manifest.name, layer: manifest.layer, pack: LONE_PACK_FOLDER, parameters: values }],
  };
  const source = new Map<string, Uint8Array>([['bundle.yaml', new TextEncoder().encode(JSON.stringify(bundle))]]);
  for (const [name, bytes] of files) {
    source.set(name.startsWith('tests/') ? name : `${LONE_PACK_FOLDER}/${name}`, bytes);
  }
  return source;
}

/** Whether the packs of a bundle are what {@link packAsBundle} makes: one, which has nobody to require. */
export function isLonePack(packs: readonly Pack[]): boolean {
  return packs.length === 1 && packs[0]?.folder === LONE_PACK_FOLDER;
}
