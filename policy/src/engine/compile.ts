import type { BundleDocument, SetDocument } from '../bundle/bundle-document.js';
import { MANIFEST, readPackedLayout } from '../bundle/packed-layout.js';
import { readSourceLayout, SOURCE_MANIFEST } from '../bundle/source-layout.js';
import { createFindings, type Findings } from '../dsl/findings.js';
import { compilePolicy, type PolicyIr, type SetScope } from '../dsl/policy.js';
import { type PolicyShapeSchema, policyShape } from '../dsl/schema.js';
import type { Checked } from '../model/problem.js';
import { BUNDLE_FORMAT, type CompiledBundle, type SetIr } from './ir.js';
import { compareLayers, comparePrecedence } from './resolve.js';

/**
 * Compiles a bundle from its files: a source folder (with `bundle.yaml`) or an unpacked bundle (with `.manifest`).
 * The result is plain data, so a worker can produce it. All problems are returned, in reading order; never throws.
 */
export function compileBundle(files: ReadonlyMap<string, Uint8Array>): Checked<CompiledBundle> {
  const document = readBundleDocument(files);
  return document.ok ? compileDocument(document.value) : document;
}

/** Reads the files of either layout. A map with both manifests is refused: which of them counts must not be a guess. */
export function readBundleDocument(files: ReadonlyMap<string, Uint8Array>): Checked<BundleDocument> {
  if (files.has(MANIFEST) && files.has(SOURCE_MANIFEST)) {
    const message = `a bundle has ${MANIFEST} (packed) or ${SOURCE_MANIFEST} (source), not both`;
    return { ok: false, problems: [{ code: 'ERR_BUNDLE_LAYOUT', message, path: '', file: MANIFEST }] };
  }
  return files.has(MANIFEST) ? readPackedLayout(files) : readSourceLayout(files);
}

/** Compiles what a layout gave. Policies that are not active are checked and then left out. */
export function compileDocument(bundle: BundleDocument): Checked<CompiledBundle> {
  const findings = createFindings();
  const schema = policyShape();
  const sets = bundle.sets.map((set) => compileSet(set, findings, schema));
  if (findings.count > 0) return { ok: false, problems: findings.sorted() };
  const { name, version } = bundle;
  const ordered = sets.toSorted(compareLayers);
  return { ok: true, value: { format: BUNDLE_FORMAT, name, version, default: bundle.default, sets: ordered } };
}

function compileSet(set: SetDocument, findings: Findings, schema: PolicyShapeSchema): SetIr {
  const scope: SetScope = {
    ...(set.tenant === undefined ? {} : { tenant: set.tenant }),
    ...(set.workspace === undefined ? {} : { workspace: set.workspace }),
  };
  const bySlug = new Map<string, PolicyIr>();
  for (const source of set.policies) {
    const policy = compilePolicy(source, { set: scope, findings, schema });
    if (policy === undefined) continue;
    const twin = bySlug.get(policy.rule.id);
    if (twin === undefined) {
      bySlug.set(policy.rule.id, policy);
      continue;
    }
    const message = `the slug "${policy.rule.id}" is already that of the policy at ${twin.rule.file}:${twin.rule.line}`;
    findings.add(source, 'slug', 'ERR_POLICY_SLUG_DUPLICATE', message);
  }
  const compare = comparePrecedence(set.priorityOrder);
  const rules = [...bySlug.values()]
    .filter((policy) => policy.active)
    .sort((a, b) =>
      compare(
        { priority: a.rule.priority, id: a.rule.id, createdAt: a.createdAt },
        { priority: b.rule.priority, id: b.rule.id, createdAt: b.createdAt },
      ),
    )
    .map((policy) => policy.rule);
  return { name: set.name, layer: set.layer, combining: set.combining, priorityOrder: set.priorityOrder, rules };
}
