import type { BundleDocument } from '../bundle/bundle-document.js';
import { readCustomFields } from '../dsl/custom-fields.js';
import { createFindings } from '../dsl/findings.js';
import type { Checked } from '../model/problem.js';
import type { JsonObject } from '../model/request.js';
import { expandPack } from './expand.js';
import { readPackInto } from './pack.js';
import { createSchemaCompiler } from './parameters.js';

/**
 * The bundle that a pack is by itself, so that it can be validated, tested and measured alone. Its default is deny; what
 * other packs it requires is not looked at.
 * @param files the files of the pack, by their names inside its folder
 * @param values for the parameters; those that are absent have their defaults
 */
export function readLonePack(files: ReadonlyMap<string, Uint8Array>, values: JsonObject = {}): Checked<BundleDocument> {
  const findings = createFindings();
  const pack = readPackInto(files, '', { findings, compiler: createSchemaCompiler() });
  if (pack === undefined) return { ok: false, problems: findings.sorted() };
  const { name, version, layer } = pack.manifest;
  const fields = readCustomFields(pack.manifest.fields ?? {}, pack.where, findings);
  const sets = expandPack({ name, layer, parameters: values }, pack, { where: pack.where, path: '', findings });
  if (findings.count > 0) return { ok: false, problems: findings.sorted() };
  const declared = Object.keys(fields).length === 0 ? {} : { fields };
  return { ok: true, value: { name, version, default: 'deny', ...declared, sets, modules: [] } };
}
