import type { SetDocument } from '../bundle/bundle-document.js';
import { type CustomFields, readCustomFields } from '../dsl/custom-fields.js';
import type { Excerpt, Findings } from '../dsl/findings.js';
import { childPath } from '../dsl/source-document.js';
import { expandPack, type PackUse } from './expand.js';
import { type Pack, readPackInto } from './pack.js';
import { isLonePack } from './pack-as-bundle.js';
import { createSchemaCompiler } from './parameters.js';
import { checkRequirements } from './requirements.js';

/** The packs of one source folder. */
export interface SourcePacks {
  /**
   * The plain sets of a set that is made of the pack in `folder`; none when something is wrong with it.
   * @param path where the set stands in `bundle.yaml`, such as `sets[0]`
   */
  expand(use: PackUse, folder: string, path: string): readonly SetDocument[];
  /** Checks what packs ask of each other; returns the fields of the bundle together with theirs. */
  finish(fields: CustomFields): CustomFields;
  /** Every file that belongs to a pack that is used. */
  readonly files: ReadonlySet<string>;
}

/**
 * Reads the packs of a source folder as they are asked for, each once.
 * @param where `bundle.yaml`
 */
export function createSourcePacks(
  files: ReadonlyMap<string, Uint8Array>,
  where: Excerpt,
  findings: Findings,
): SourcePacks {
  const packs = new Map<string, Pack | undefined>();
  const claimed = new Set<string>();
  const compiler = createSchemaCompiler();
  return {
    files: claimed,
    expand(use, folder, path) {
      if (!packs.has(folder)) {
        packs.set(folder, readPackInto(files, folder, { findings, compiler }));
        // A file of a pack that has problems is not "loaded by no set" as well.
        for (const name of files.keys()) if (name.startsWith(`${folder}/`)) claimed.add(name);
      }
      const pack = packs.get(folder);
      return pack === undefined ? [] : expandPack(use, pack, { where, path, findings });
    },
    finish(fields) {
      const used = [...packs.values()].filter((pack) => pack !== undefined);
      if (!isLonePack(used)) checkRequirements(used, findings);
      return used.reduce((known, pack) => uniteFields(known, pack, findings), fields);
    },
  };
}

/** Fields that a pack declares too must be declared alike. */
function uniteFields(known: CustomFields, pack: Pack, findings: Findings): CustomFields {
  const own = readCustomFields(pack.manifest.fields ?? {}, pack.where, findings);
  for (const [path, field] of Object.entries(own)) {
    const other = Object.hasOwn(known, path) ? known[path] : undefined;
    if (other === undefined || JSON.stringify(other) === JSON.stringify(field)) continue;
    const message = `${pack.id} declares the field ${path} otherwise than the bundle or another pack does`;
    findings.add(pack.where, childPath('fields', path), 'ERR_PACK_SHAPE', message);
  }
  return { ...own, ...known };
}
