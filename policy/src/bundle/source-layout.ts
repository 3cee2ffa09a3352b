import { createFindings, type Excerpt, excerptOf, type Findings } from '../dsl/findings.js';
import { type PolicySource, reportShape } from '../dsl/policy.js';
import { type BundleShape, bundleShape } from '../dsl/schema.js';
import { childPath, parseSourceDocument, type SourceDocument } from '../dsl/source-document.js';
import type { Checked, Json } from '../model/index.js';
import type { BundleDocument, SetDocument } from './bundle-document.js';
import { createNameRegister, fileNameFault } from './file-name.js';

/** The file that describes a source folder. */
export const SOURCE_MANIFEST = 'bundle.yaml';
/** Folders of a source may nest this deep. */
export const MAX_SOURCE_DEPTH = 8;

const POLICY_FILE = /\.(yaml|yml|json)$/;
/** Papers for people, which may stand among policies. */
const PAPER = /(^|\/)(LICENSE|[^/]*\.md)$/;

/** Reads a source folder: `bundle.yaml` and the policy files of its sets. A file that no set would load is a problem. */
export function readSourceLayout(files: ReadonlyMap<string, Uint8Array>): Checked<BundleDocument> {
  const findings = createFindings();
  checkNames(files, findings);
  const manifest = readManifest(files, findings);
  if (manifest === undefined) return { ok: false, problems: findings.sorted() };
  const { document, shape } = manifest;
  const where = excerptOf(document, '');
  const folders = checkSets(shape, where, findings);
  const claimed = new Set<string>([SOURCE_MANIFEST]);
  const sets: SetDocument[] = shape.sets.map((set, index) => {
    const folder = folders[index] ?? '';
    const policies: PolicySource[] = [];
    const members = [...files.keys()].filter((name) => folder !== '' && name.startsWith(`${folder}/`)).sort();
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
    return {
      name: set.name,
      layer: set.layer,
      combining: set.combining,
      priorityOrder: set.priority_order,
      ...(set.tenant === undefined ? {} : { tenant: set.tenant }),
      ...(set.workspace === undefined ? {} : { workspace: set.workspace }),
      policies,
    };
  });
  for (const name of files.keys()) {
    // A policy outside every set's folder looks loaded and is not; tests are for other tools.
    if (claimed.has(name) || name.startsWith('tests/') || !POLICY_FILE.test(name)) continue;
    unexpected(name, 'no set loads this file', findings);
  }
  if (findings.count > 0) return { ok: false, problems: findings.sorted() };
  const { name, version } = shape;
  return { ok: true, value: { name, version, default: shape.default ?? 'deny', sets } };
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
    const folder = set.policies.replace(/^\.\//, '').replace(/\/$/, '');
    const path = childPath(at, 'policies');
    const fault = fileNameFault(folder, MAX_SOURCE_DEPTH - 1);
    const overlap = folders.find(
      (other) => other === folder || other.startsWith(`${folder}/`) || folder.startsWith(`${other}/`),
    );
    if (fault !== undefined) findings.add(where, path, 'ERR_BUNDLE_NAME', `not a folder of the bundle: ${fault}`);
    else if (overlap !== undefined) {
      findings.add(where, path, 'ERR_BUNDLE_LAYOUT', `the folder "${folder}" overlaps another set's, "${overlap}"`);
    }
    folders.push(fault === undefined && overlap === undefined ? folder : '');
  }
  return folders;
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
