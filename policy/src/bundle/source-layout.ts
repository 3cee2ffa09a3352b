import { readCustomFields } from '../dsl/custom-fields.js';
import { createFindings, type Excerpt, excerptOf, type Findings } from '../dsl/findings.js';
import type { EnvironmentScope, PolicySource } from '../dsl/policy-head.js';
import { type BundleShape, bundleShape } from '../dsl/schema.js';
import { reportShape } from '../dsl/shape-problems.js';
import { childPath, parseSourceDocument, type SourceDocument } from '../dsl/source-document.js';
import type { Combining, PriorityOrder } from '../engine/ir.js';
import type { Checked, Json } from '../model/index.js';
import type { PackUse } from '../packs/expand.js';
import { MAX_PACK_DEPTH } from '../packs/pack.js';
import { createSourcePacks } from '../packs/source-packs.js';
import { readSourceRegistry } from '../registry/source-registry.js';
import { type BundleDocument, keptFor, type ModuleDocument, type SetDocument } from './bundle-document.js';
import { createNameRegister, fileNameFault } from './file-name.js';
import { checkModuleKeys, isOfModule, isScope, PAPER, readSourceModule } from './source-modules.js';

/** The file that describes a source folder. */
export const SOURCE_MANIFEST = 'bundle.yaml';
/** Folders of a source may nest this deep. */
export const MAX_SOURCE_DEPTH = 8;

const POLICY_FILE = /\.(yaml|yml|json)$/;

/** Reads a source folder: `bundle.yaml` and the policy files of its sets. A file that no set would load is a problem. */
export function readSourceLayout(files: ReadonlyMap<string, Uint8Array>): Checked<BundleDocument> {
  const findings = createFindings();
  checkNames(files, findings);
  const manifest = readManifest(files, findings);
  if (manifest === undefined) return { ok: false, problems: findings.sorted() };
  const { document, shape } = manifest;
  const where = excerptOf(document, '');
  const fields = readCustomFields(shape.fields ?? {}, where, findings);
  const folders = checkSets(shape, where, findings);
  const packs = createSourcePacks(files, where, findings);
  const claimed = new Set<string>([SOURCE_MANIFEST]);
  for (const name of Object.values(shape.data ?? {})) if (name !== undefined) claimed.add(name);
  const modules: ModuleDocument[] = [];
  const sets = shape.sets.flatMap((set, index): readonly SetDocument[] => {
    const folder = folders[index] ?? '';
    if (folder === '') return [];
    if (isOfModule(set)) {
      const members = [...files.keys()].filter((name) => name.startsWith(`${folder}/`));
      for (const name of members) claimed.add(name);
      modules.push(readSourceModule(set, { folder, files, where, at: childPath('sets', index), findings }));
      return [];
    }
    if (set.pack !== undefined) return packs.expand(packUseOf(set), folder, childPath('sets', index));
    if (!isOfPolicies(set)) return [];
    const policies: PolicySource[] = [];
    const members = [...files.keys()].filter((name) => name.startsWith(`${folder}/`)).sort();
    for (const name of members) {
      claimed.add(name);
      if (PAPER.test(name)) continue;
      if (POLICY_FILE.test(name)) policies.push(...readPolicyFile(name, files.get(name) ?? new Uint8Array(), findings));
      else unexpected(name, 'a policy file ends in .yaml, .yml or .json', findings);
    }
    if (members.length === 0) {
      const message = `the folder "${set.policies}" has no files, so the set would be empty`;
      findings.add(where, childPath(childPath('sets', index), 'policies'), 'ERR_BUNDLE_LAYOUT', message);
    }
    return [
      {
        name: set.name,
        layer: set.layer,
        combining: set.combining,
        priorityOrder: set.priority_order,
        ...(set.tenant === undefined ? {} : { tenant: set.tenant }),
        ...(set.workspace === undefined ? {} : { workspace: set.workspace }),
        ...(set.environments === undefined ? {} : { environments: set.environments }),
        policies,
      },
    ];
  });
  const allFields = packs.finish(fields);
  checkSetNames(sets, findings);
  checkDataFiles(shape, folders, where, findings);
  const registry = readSourceRegistry(shape.data, { files, where, fields: allFields, findings });
  for (const name of files.keys()) {
    // A policy outside every set's folder looks loaded and is not; tests are for other tools.
    if (claimed.has(name) || packs.files.has(name) || name.startsWith('tests/') || !POLICY_FILE.test(name)) continue;
    unexpected(name, 'no set loads this file', findings);
  }
  if (findings.count > 0) return { ok: false, problems: findings.sorted() };
  const { name, version } = shape;
  const declared = {
    ...(Object.keys(allFields).length === 0 ? {} : { fields: allFields }),
    ...(registry === undefined ? {} : { registry }),
  };
  const kept = keptFor(shape);
  return { ok: true, value: { name, version, default: shape.default ?? 'deny', ...kept, ...declared, sets, modules } };
}

function checkNames(files: ReadonlyMap<string, Uint8Array>, findings: Findings): void {
  const register = createNameRegister();
  for (const name of [...files.keys()].sort()) {
    const fault = fileNameFault(name, MAX_SOURCE_DEPTH) ?? register.add(name);
    if (fault !== undefined) findings.addAll([{ code: 'ERR_BUNDLE_NAME', message: fault, path: '', file: name }]);
  }
}

function readManifest(
  files: ReadonlyMap<string, Uint8Array>,
  findings: Findings,
): { document: SourceDocument; shape: BundleShape } | undefined {
  const bytes = files.get(SOURCE_MANIFEST);
  if (bytes === undefined) {
    const message = `${SOURCE_MANIFEST} is missing: the file that names the bundle and its policy sets`;
    findings.addAll([{ code: 'ERR_BUNDLE_LAYOUT', message, path: '', file: SOURCE_MANIFEST }]);
    return undefined;
  }
  const document = parseSourceDocument(SOURCE_MANIFEST, bytes);
  if (!document.ok) {
    findings.addAll(document.problems);
    return undefined;
  }
  const parsed = bundleShape().safeParse(document.value.value);
  if (!parsed.success) {
    reportShape(parsed.error, {
      where: excerptOf(document.value, ''),
      findings,
      known: Object.keys(bundleShape().shape),
    });
    return undefined;
  }
  return { document: document.value, shape: parsed.data };
}

/** Checks what sets say of each other; returns each set's folder, '' when it is unusable. */
function checkSets(shape: BundleShape, where: Excerpt, findings: Findings): readonly string[] {
  const folders: string[] = [];
  for (const [index, set] of shape.sets.entries()) {
    const at = childPath('sets', index);
    if (shape.sets.findIndex((other) => other.name === set.name) !== index) {
      findings.add(where, childPath(at, 'name'), 'ERR_BUNDLE_LAYOUT', `two sets are called "${set.name}"`);
    }
    const key = set.pack === undefined || set.engine !== undefined ? 'policies' : 'pack';
    if (set.engine !== undefined) checkModuleKeys(set, at, where, findings);
    else checkSetKeys(set, at, where, findings);
    const folder = (set[key] ?? '').replace(/^\.\//, '').replace(/\/$/, '');
    const path = childPath(at, key);
    if (folder === '') {
      folders.push('');
      continue;
    }
    const fault = fileNameFault(folder, key === 'pack' ? MAX_PACK_DEPTH : MAX_SOURCE_DEPTH - 1);
    const overlap = folders.find(
      (other, earlier) =>
        (other === folder && (key === 'policies' || shape.sets[earlier]?.pack === undefined)) ||
        other.startsWith(`${folder}/`) ||
        (other !== '' && folder.startsWith(`${other}/`)),
    );
    if (fault !== undefined) findings.add(where, path, 'ERR_BUNDLE_NAME', `not a folder of the bundle: ${fault}`);
    else if (overlap !== undefined) {
      findings.add(where, path, 'ERR_BUNDLE_LAYOUT', `the folder "${folder}" overlaps another set's, "${overlap}"`);
    }
    folders.push(fault === undefined && overlap === undefined ? folder : '');
  }
  return folders;
}

type SetShape = BundleShape['sets'][number];
/** A set whose policies stand in a folder. */
type PolicySetShape = SetShape & {
  readonly combining: Combining;
  readonly priority_order: PriorityOrder;
  readonly environments?: EnvironmentScope | undefined;
};

/** A set of a pack; what is wrong with its environments has been reported. What YAML gives is JSON. */
function packUseOf({ environments, ...set }: SetShape): PackUse {
  return { ...set, ...(environments === undefined || isScope(environments) ? {} : { environments }) } as PackUse;
}

function isOfPolicies(set: SetShape): set is SetShape & PolicySetShape {
  if (
    set.engine !== undefined ||
    set.pack !== undefined ||
    set.combining === undefined ||
    set.priority_order === undefined
  )
    return false;
  return set.environments === undefined || isScope(set.environments);
}

/** A set is of policies or of a pack, and each has keys of its own. */
function checkSetKeys(set: SetShape, at: string, where: Excerpt, findings: Findings): void {
  const report = (key: string, message: string): void =>
    findings.add(where, childPath(at, key), 'ERR_POLICY_SHAPE', message);
  if (set.pack === undefined) {
    for (const key of ['combining', 'priority_order', 'policies'] as const) {
      if (set[key] === undefined) report(key, `${childPath(at, key)} is missing`);
    }
    if (set.entrypoint !== undefined) report('entrypoint', 'only a set of the engine rego has an entrypoint');
    if (set.parameters !== undefined) report('parameters', 'only a set of a pack has parameters');
    if (set.environments !== undefined && !isScope(set.environments)) {
      report(
        'environments',
        'expected {only: [...]} or {except: [...]}: only a set of a pack has parameters by environment',
      );
    }
    return;
  }
  if (set.policies !== undefined) report('policies', 'a set is of policies or of a pack, not of both');
  if (set.environments !== undefined && isScope(set.environments)) {
    report(
      'environments',
      'in a set of a pack, environments gives parameters by environment, such as prod: {limit: 5}',
    );
  }
}

/** A document of data is no policy, so no set may have it in its folder. */
function checkDataFiles(shape: BundleShape, folders: readonly string[], where: Excerpt, findings: Findings): void {
  for (const [key, name] of Object.entries(shape.data ?? {})) {
    const path = childPath('data', key);
    const fault = fileNameFault(name, MAX_SOURCE_DEPTH);
    if (fault !== undefined) findings.add(where, path, 'ERR_BUNDLE_NAME', `not a file of the bundle: ${fault}`);
    else if (folders.some((folder) => folder !== '' && name.startsWith(`${folder}/`))) {
      findings.add(where, path, 'ERR_BUNDLE_LAYOUT', `the file "${name}" lies in the folder of a set`);
    } else if (!POLICY_FILE.test(name) || name === SOURCE_MANIFEST) {
      findings.add(where, path, 'ERR_BUNDLE_LAYOUT', 'a document of data ends in .yaml, .yml or .json');
    }
  }
}

/** The sets that packs become have names too. */
function checkSetNames(sets: readonly SetDocument[], findings: Findings): void {
  const names = new Set<string>();
  for (const { name, pack } of sets) {
    if (names.has(name) && pack !== undefined) {
      const message = `two sets are called "${name}", one of which is ${pack} for an environment`;
      findings.addAll([{ code: 'ERR_BUNDLE_LAYOUT', message, path: 'sets', file: SOURCE_MANIFEST }]);
    }
    names.add(name);
  }
}

function readPolicyFile(name: string, bytes: Uint8Array, findings: Findings): readonly PolicySource[] {
  const parsed = parseSourceDocument(name, bytes);
  if (!parsed.ok) {
    findings.addAll(parsed.problems);
    return [];
  }
  const { value } = parsed.value;
  if (!Array.isArray(value)) return [{ ...excerptOf(parsed.value, ''), document: value }];
  return (value as readonly Json[]).map((document, index) => ({
    ...excerptOf(parsed.value, childPath('', index)),
    document,
  }));
}

function unexpected(name: string, message: string, findings: Findings): void {
  findings.addAll([{ code: 'ERR_BUNDLE_FILE_UNEXPECTED', message, path: '', file: name }]);
}
