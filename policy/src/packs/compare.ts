import type { Json, JsonObject } from '../model/request.js';
import { templateSlug } from './describe.js';
import { isJsonObject } from './json-object.js';
import type { Pack } from './pack.js';

/** Something of both packs that is not the same in them. */
export interface Changed {
  readonly name: string;
  /** The keys that differ, or that only one of them has. */
  readonly keys: readonly string[];
}

/** What differs of one kind of part. */
export interface PartChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly Changed[];
}

/** How one version of a pack differs from another. */
export interface PackChanges {
  readonly policies: PartChanges;
  readonly parameters: PartChanges;
  /** Keys of `pack.yaml` besides version and parameters that differ. */
  readonly manifest: readonly string[];
}

/**
 * Compares two versions of a pack by the names of their parts: policies by slug, as templates, and parameters. What a
 * changed definition does to policies that use it counts as a change of `definitions`.
 */
export function comparePacks(before: Pack, after: Pack): PackChanges {
  const { version: _old, parameters: _before, ...oldManifest } = before.manifest;
  const { version: _new, parameters: _after, ...newManifest } = after.manifest;
  return {
    policies: compareParts(policiesOf(before), policiesOf(after)),
    parameters: compareParts(
      new Map(Object.entries(before.parameters.schemas)),
      new Map(Object.entries(after.parameters.schemas)),
    ),
    manifest: differingKeys(oldManifest as unknown as JsonObject, newManifest as unknown as JsonObject),
  };
}

/** Whether nothing differs. */
export function isUnchanged({ policies, parameters, manifest }: PackChanges): boolean {
  const parts = [policies, parameters].flatMap(({ added, removed, changed }) => [...added, ...removed, ...changed]);
  return parts.length === 0 && manifest.length === 0;
}

/** Policies by slug. A slug that stands twice (for a parameter and without it) is one part. */
function policiesOf(pack: Pack): ReadonlyMap<string, Json> {
  const bySlug = Map.groupBy(pack.templates, ({ document }) => templateSlug(document));
  return new Map(
    [...bySlug].map(([slug, templates]) => {
      const [first] = templates;
      const one = templates.length === 1 && first !== undefined;
      return [slug, one ? first.document : templates.map(({ document }) => document)];
    }),
  );
}

function compareParts(before: ReadonlyMap<string, Json>, after: ReadonlyMap<string, Json>): PartChanges {
  const changed = [...after].flatMap(([name, value]): readonly Changed[] => {
    const old = before.get(name);
    if (old === undefined || isSame(old, value)) return [];
    const keys = isJsonObject(old) && isJsonObject(value) ? differingKeys(old, value) : ['policies'];
    return [{ name, keys }];
  });
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed,
  };
}

function differingKeys(before: JsonObject, after: JsonObject): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isSame(before[key], after[key]));
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** The order of keys says nothing. */
function sorted(value: Json | undefined): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (!isJsonObject(value)) return value ?? null;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
