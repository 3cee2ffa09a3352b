import { PortcullisError } from '@portcullis/runtime';
import { type Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';
import type { GivenParameters } from './parameter-flags.js';

/** A set of `bundle.yaml` that is made of a pack. */
export interface PackSet {
  readonly name: string;
  /** The folder of the pack. */
  readonly pack: string;
}

/** A set to add. */
export interface NewPackSet extends PackSet, GivenParameters {
  readonly layer: string;
  readonly tenant?: string;
  readonly workspace?: string;
}

/** A `bundle.yaml` that can be changed without losing its comments. */
export interface BundleFile {
  readonly setNames: readonly string[];
  readonly packSets: readonly PackSet[];
  /** The text with one more set at the end. */
  withSet(set: NewPackSet): string;
}

/**
 * Reads `bundle.yaml` for editing.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it is missing or has no list of sets
 */
export function openBundleFile(directory: string, bytes: Uint8Array | undefined): BundleFile {
  const refuse = (message: string): never => {
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `${directory}/bundle.yaml ${message}`);
  };
  if (bytes === undefined) return refuse('is missing: expected a policy directory; "portcullis init" makes one');
  const document: Document = parseDocument(new TextDecoder().decode(bytes), { version: '1.2', schema: 'core' });
  if (document.errors.length > 0) refuse(`cannot be read: ${document.errors[0]?.message ?? ''}`);
  const sets = document.get('sets');
  if (!isSeq(sets)) return refuse('has no list "sets"');
  const maps = sets.items.filter((item): item is YAMLMap => isMap(item));
  return {
    setNames: maps.flatMap((map) => textOf(map, 'name') ?? []),
    packSets: maps.flatMap((map): readonly PackSet[] => {
      const pack = textOf(map, 'pack');
      return pack === undefined ? [] : [{ name: textOf(map, 'name') ?? '', pack: plainFolder(pack) }];
    }),
    withSet(set) {
      sets.flow = false;
      sets.add(document.createNode(entryOf(set)));
      return document.toString({ lineWidth: 0 });
    },
  };
}

/** A folder as files are named by it: without `./` and a final slash. */
export function plainFolder(folder: string): string {
  return folder.replace(/^\.\//, '').replace(/\/$/, '');
}

function entryOf({ name, layer, tenant, workspace, pack, parameters, environments }: NewPackSet): object {
  return {
    name,
    layer,
    ...(tenant === undefined ? {} : { tenant }),
    ...(workspace === undefined ? {} : { workspace }),
    pack,
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    ...(Object.keys(environments).length === 0 ? {} : { environments }),
  };
}

function textOf(map: YAMLMap, key: string): string | undefined {
  const node = map.get(key, true);
  return isScalar(node) && typeof node.value === 'string' ? node.value : undefined;
}
