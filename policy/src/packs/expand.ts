import type { SetDocument } from '../bundle/bundle-document.js';
import { createFindings, type Excerpt, type Findings } from '../dsl/findings.js';
import type { PolicySource } from '../dsl/policy-head.js';
import { childPath } from '../dsl/source-document.js';
import type { Combining, PriorityOrder } from '../engine/ir.js';
import type { Layer } from '../model/decision.js';
import { ENVIRONMENTS, type Environment, type Json, type JsonObject } from '../model/request.js';
import { fillTemplate } from './fill.js';
import type { Pack } from './pack.js';

/** A set of `bundle.yaml` that is made of a pack. */
export interface PackUse {
  readonly name: string;
  readonly layer: Layer;
  readonly tenant?: string | undefined;
  readonly workspace?: string | undefined;
  /** In place of the pack's own. */
  readonly combining?: Combining | undefined;
  /** In place of the pack's own. */
  readonly priority_order?: PriorityOrder | undefined;
  readonly parameters?: JsonObject | undefined;
  /** Values for one environment, over those of `parameters`. */
  readonly environments?: { readonly [E in Environment]?: JsonObject | undefined } | undefined;
}

/** Where a {@link PackUse} stands. */
export interface UsePlace {
  readonly where: Excerpt;
  /** Such as `sets[0]`. */
  readonly path: string;
  readonly findings: Findings;
}

/** Values, and the environments in which they hold; none listed means: everywhere but where others do. */
interface Variant {
  readonly values: JsonObject;
  readonly only: readonly Environment[];
}

/**
 * The plain sets that a pack becomes: one with the values of `parameters`, and one for each distinct set of values of an
 * environment, each for its environments only. So one bundle, under one digest, serves every environment.
 */
export function expandPack(use: PackUse, pack: Pack, place: UsePlace): readonly SetDocument[] {
  const before = place.findings.count;
  const variants = variantsOf(use, pack, place);
  if (place.findings.count > before) return [];
  const apart = variants.flatMap((variant) => variant.only).sort();
  const seen = new Set<string>();
  return variants.map((variant): SetDocument => {
    const policies = fillAll(pack, variant.values, place, seen);
    const { only } = variant;
    const scope = only.length > 0 ? { only } : apart.length > 0 ? { except: apart } : undefined;
    return {
      name: only.length === 0 ? use.name : `${use.name}.${only.join('-')}`,
      layer: use.layer,
      combining: use.combining ?? pack.manifest.combining,
      priorityOrder: use.priority_order ?? pack.manifest.priority_order,
      ...(use.tenant === undefined ? {} : { tenant: use.tenant }),
      ...(use.workspace === undefined ? {} : { workspace: use.workspace }),
      ...(scope === undefined ? {} : { environments: scope }),
      pack: pack.id,
      policies,
    };
  });
}

/** The distinct values of a use; the ones without an environment of their own come first. */
function variantsOf(use: PackUse, pack: Pack, { where, path, findings }: UsePlace): readonly Variant[] {
  const { defaults, names, check } = pack.parameters;
  const given = use.parameters ?? {};
  check(given, where, childPath(path, 'parameters'), findings);
  const base = { ...defaults, ...given };
  for (const name of names) {
    if (Object.hasOwn(base, name)) continue;
    const message = `the parameter ${name} of ${pack.id} has no default: give it a value`;
    findings.add(where, childPath(path, 'parameters'), 'ERR_PACK_PARAMETER', message);
  }
  const groups = new Map<string, { readonly values: JsonObject; readonly only: Environment[] }>();
  const plain = JSON.stringify(Object.entries(base).toSorted(byName));
  for (const environment of ENVIRONMENTS) {
    const own = use.environments?.[environment];
    if (own === undefined) continue;
    check(own, where, childPath(childPath(path, 'environments'), environment), findings);
    const values = { ...base, ...own };
    const key = JSON.stringify(Object.entries(values).toSorted(byName));
    if (key === plain) continue;
    const group = groups.get(key) ?? { values, only: [] };
    group.only.push(environment);
    groups.set(key, group);
  }
  return [{ values: base, only: [] }, ...groups.values()];
}

function byName([a]: readonly [string, Json], [b]: readonly [string, Json]): number {
  return a < b ? -1 : 1;
}

function fillAll(pack: Pack, given: JsonObject, place: UsePlace, seen: Set<string>): readonly PolicySource[] {
  const findings = createFindings();
  const values = withDefinitions(pack, given, findings);
  const policies = pack.templates.flatMap((template): readonly PolicySource[] => {
    const filled = fillTemplate({ template, values, findings });
    return filled === undefined ? [] : [withFrameworks(filled, pack)];
  });
  // Each environment fills the same templates; a problem of a template is one problem.
  for (const problem of findings.sorted()) {
    const key = JSON.stringify(problem);
    if (!seen.has(key)) place.findings.addAll([problem]);
    seen.add(key);
  }
  if (policies.length === 0 && findings.count === 0) {
    const message = `with these parameters no policy of ${pack.id} is left, so the set would be empty`;
    place.findings.add(place.where, childPath(place.path, 'parameters'), 'ERR_BUNDLE_LAYOUT', message);
  }
  return policies;
}

/** The values of the parameters, and those of the definitions that they give. */
function withDefinitions(pack: Pack, given: JsonObject, findings: Findings): JsonObject {
  const values: Record<string, Json> = { ...given };
  for (const [name, template] of pack.definitions) {
    const filled = fillTemplate({ template, values: { ...values }, findings });
    // A definition that leaves itself out, or is at fault, is empty to those that refer to it.
    values[name] = filled?.document ?? null;
  }
  return values;
}

/** A policy that names no clause of a framework serves those of its pack. */
function withFrameworks(policy: PolicySource, pack: Pack): PolicySource {
  const frameworks = pack.manifest.framework_mapping;
  const { document } = policy;
  if (frameworks === undefined || typeof document !== 'object' || document === null || Array.isArray(document)) {
    return policy;
  }
  const written = document as JsonObject;
  if (Object.hasOwn(written, 'framework_mapping')) return policy;
  const mapping: Json = frameworks.map(({ framework, clause }) => ({ framework, clause }));
  return { ...policy, document: { ...written, framework_mapping: mapping } };
}
