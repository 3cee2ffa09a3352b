import type { BundleDocument, ModuleDocument, SetDocument } from '../bundle/bundle-document.js';
import { MANIFEST, readPackedLayout } from '../bundle/packed-layout.js';
import { readSourceLayout, SOURCE_MANIFEST } from '../bundle/source-layout.js';
import { createFieldTable } from '../dsl/fields.js';
import { createFindings } from '../dsl/findings.js';
import { createPatternBudget } from '../dsl/pattern-budget.js';
import { type PolicyContext, type PolicyIr, type SetScope, setScopeLeaves } from '../dsl/policy-head.js';
import { policySchemas } from '../dsl/schema.js';
import type { Checked } from '../model/problem.js';
import { readLonePack } from '../packs/lone-pack.js';
import { PACK_MANIFEST } from '../packs/pack-shape.js';
import { compileRegistry } from '../registry/registry.js';
import { compileSource } from './compile-source.js';
import { BUNDLE_FORMAT, type CompiledBundle, type ModuleIr, type SetIr } from './ir.js';
import { compareLayers, comparePrecedence } from './resolve.js';

/**
 * Compiles a bundle from its files: a source folder (with `bundle.yaml`) or an unpacked bundle (with `.manifest`).
 * The result is plain data, so a worker can produce it. All problems are returned, in reading order; never throws.
 */
export function compileBundle(files: ReadonlyMap<string, Uint8Array>): Checked<CompiledBundle> {
  const document = readBundleDocument(files);
  return document.ok ? compileDocument(document.value) : document;
}

/**
 * Reads the files of either layout, or of a pack, which is then a bundle by itself. A map with both manifests is refused:
 * which of them counts must not be a guess.
 */
export function readBundleDocument(files: ReadonlyMap<string, Uint8Array>): Checked<BundleDocument> {
  if (files.has(MANIFEST) && files.has(SOURCE_MANIFEST)) {
    const message = `a bundle has ${MANIFEST} (packed) or ${SOURCE_MANIFEST} (source), not both`;
    return { ok: false, problems: [{ code: 'ERR_BUNDLE_LAYOUT', message, path: '', file: MANIFEST }] };
  }
  if (files.has(MANIFEST)) return readPackedLayout(files);
  return files.has(PACK_MANIFEST) && !files.has(SOURCE_MANIFEST) ? readLonePack(files) : readSourceLayout(files);
}

/** Compiles what a layout gave. Policies that are not active are checked and then left out. */
export function compileDocument(bundle: BundleDocument): Checked<CompiledBundle> {
  const findings = createFindings();
  const schemas = policySchemas();
  const shared = { fields: createFieldTable(bundle.fields ?? {}), patterns: createPatternBudget() };
  const context = { findings, schemas, bundle: shared };
  const sets = bundle.sets.map((set) => compileSet(set, context));
  if (findings.count > 0) return { ok: false, problems: findings.sorted() };
  const { name, version, fields, registry, cacheTtlSeconds } = bundle;
  const kept = cacheTtlSeconds === undefined ? {} : { cacheTtlSeconds };
  const declared = {
    ...(fields === undefined ? {} : { fields }),
    ...(registry === undefined ? {} : { registry: compileRegistry(registry) }),
  };
  const ordered = sets.toSorted(compareLayers);
  const modules = bundle.modules.map(compileModule).toSorted(compareLayers);
  return {
    ok: true,
    value: {
      format: BUNDLE_FORMAT,
      name,
      version,
      default: bundle.default,
      ...kept,
      ...declared,
      sets: ordered,
      modules,
    },
  };
}

/** Only what surrounds its policies: those are checked by their own engine, see `checkModules`. */
function compileModule(module: ModuleDocument): ModuleIr {
  const { name, layer, engine, entrypoint, folder } = module;
  // Copies, because a view would take the whole archive along to another thread.
  const files = [...module.files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, bytes]): readonly [string, Uint8Array] => [file, new Uint8Array(bytes)]);
  return {
    name,
    layer,
    scope: setScopeLeaves(scopeOf(module)),
    engine,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    folder,
    files,
  };
}

/** What a set or a module adds to the scope of what is in it. */
export function scopeOf(document: SetDocument | ModuleDocument): SetScope {
  const { tenant, workspace, environments } = document;
  return {
    ...('combining' in document ? { combining: document.combining } : {}),
    ...(tenant === undefined ? {} : { tenant }),
    ...(workspace === undefined ? {} : { workspace }),
    ...(environments === undefined ? {} : { environments }),
  };
}

function compileSet(set: SetDocument, context: Omit<PolicyContext, 'set'>): SetIr {
  const scope = scopeOf(set);
  const bySlug = new Map<string, PolicyIr>();
  for (const source of set.policies) {
    if (context.findings.full) break;
    const policy = compileSource(source, { ...context, set: scope });
    if (policy === undefined) continue;
    const twin = bySlug.get(policy.rule.id);
    if (twin === undefined) {
      bySlug.set(policy.rule.id, policy);
      continue;
    }
    const message = `the slug "${policy.rule.id}" is already that of the policy at ${twin.rule.file}:${twin.rule.line}`;
    context.findings.add(source, 'slug', 'ERR_POLICY_SLUG_DUPLICATE', message);
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
  const { name, layer, combining, priorityOrder, pack } = set;
  return { name, layer, combining, priorityOrder, ...(pack === undefined ? {} : { pack }), rules };
}
