import canonicalize from 'canonicalize';
import { z } from 'zod';
import { type CustomFields, customFieldsShape } from '../dsl/custom-fields.js';
import { lookUp } from '../dsl/findings.js';
import type { PolicySource } from '../dsl/policy-head.js';
import type { PolicyProblemCode } from '../dsl/problem-codes.js';
import { cacheShape, environmentScope, SEMVER } from '../dsl/schema.js';
import type { Position } from '../dsl/source-document.js';
import { BUNDLE_FORMAT, COMBININGS, PRIORITY_ORDERS } from '../engine/ir.js';
import { LAYERS } from '../model/decision.js';
import type { Checked, Json, Problem } from '../model/index.js';
import { type RegistryDocument, registryShape } from '../registry/registry-shape.js';
import { type BundleDocument, keptFor } from './bundle-document.js';
import { isCanonicalText } from './canonical-text.js';
import { describeModules, MODULES, moduleFiles, packedModulesShape, readPackedModules } from './packed-modules.js';

/** OPA's manifest. */
export const MANIFEST = '.manifest';
/** The document with all policies; OPA loads it as `data.portcullis.policies`. */
export const POLICIES = 'portcullis/policies/data.json';
/** The document with what the bundle says of agents and tools; OPA loads it as `data.portcullis.registry`. */
const REGISTRY = 'portcullis/registry/data.json';
/** The part of OPA's data tree that is ours. */
const ROOT = 'portcullis';

const KNOWN_FILES: ReadonlySet<string> = new Set([MANIFEST, POLICIES, REGISTRY]);

/** Where conditions of a policy stand in the author's file, so that a fault at run time can still name the line. */
type PackedPositions = { readonly [path: string]: Position };

/** The places worth carrying: the policy itself and each of its conditions. */
const CARRIED = /^(|when(\.conditions\[\d+\])*|scope|scope\.(tenant|workspace)|on|config)$/;

/** The schema of one packed policy. */
export type PackedPolicyShape = ReturnType<typeof buildPackedPolicyShape>;

/** Builds {@link PackedPolicyShape}; build it once. */
export function packedPolicyShape(): PackedPolicyShape {
  return buildPackedPolicyShape();
}

function buildPackedPolicyShape() {
  const place = z.tuple([z.int().min(1), z.int().min(1)]);
  return z.strictObject({
    document: z.unknown(),
    file: z.string().min(1),
    path: z.string(),
    positions: z.record(z.string(), place),
  });
}

function packedShape() {
  const policy = packedPolicyShape();
  const set = z.strictObject({
    name: z.string(),
    layer: z.enum(LAYERS),
    tenant: z.string().optional(),
    workspace: z.string().optional(),
    environments: environmentScope().optional(),
    pack: z.string().max(300).optional(),
    combining: z.enum(COMBININGS),
    priority_order: z.enum(PRIORITY_ORDERS),
    policies: z.array(policy),
  });
  return z.strictObject({
    format: z.literal(BUNDLE_FORMAT),
    name: z.string(),
    version: z.string().regex(SEMVER),
    default: z.enum(['deny', 'allow']),
    cache: cacheShape().optional(),
    fields: customFieldsShape().optional(),
    sets: z.array(set),
    modules: packedModulesShape().optional(),
  });
}

function manifestShape() {
  return z.strictObject({
    revision: z.string(),
    roots: z.tuple([z.literal(ROOT)]),
    metadata: z.strictObject({ portcullis: z.strictObject({ format: z.literal(BUNDLE_FORMAT), name: z.string() }) }),
  });
}

/** Writes the files of a bundle, in RFC 8785 canonical JSON: the same content gives the same bytes. */
export function writePackedLayout(bundle: BundleDocument): ReadonlyMap<string, Uint8Array> {
  const policies = {
    format: BUNDLE_FORMAT,
    name: bundle.name,
    version: bundle.version,
    default: bundle.default,
    // Absent when nothing is kept, so that what says nothing of it keeps its bytes.
    ...(bundle.cacheTtlSeconds === undefined ? {} : { cache: { ttl_seconds: bundle.cacheTtlSeconds } }),
    ...(bundle.fields === undefined ? {} : { fields: bundle.fields as unknown as Json }),
    sets: bundle.sets.map(({ priorityOrder, policies, ...set }) => ({
      ...set,
      priority_order: priorityOrder,
      policies: policies.map(packPolicy),
    })),
    // Absent when there are none, so that what has no modules keeps its bytes.
    ...(bundle.modules.length === 0 ? {} : { modules: describeModules(bundle.modules) }),
  };
  const manifest = {
    revision: bundle.version,
    roots: [ROOT],
    metadata: { portcullis: { format: BUNDLE_FORMAT, name: bundle.name } },
  };
  return new Map([
    [MANIFEST, canonicalBytes(manifest)],
    [POLICIES, canonicalBytes(policies)],
    // Absent when there is none, so that what has no data keeps its bytes.
    ...(bundle.registry === undefined ? [] : [[REGISTRY, canonicalBytes(bundle.registry as unknown as Json)] as const]),
    ...moduleFiles(bundle.modules),
  ]);
}

function packPolicy(policy: PolicySource): Json {
  const positions: Record<string, Json> = {};
  for (const path of conditionPaths(policy.document)) {
    const place = policy.at(path);
    if (place !== undefined) positions[path] = [...place];
  }
  return { document: policy.document, file: policy.file, path: policy.base, positions };
}

/** The carried paths that a document has. */
function conditionPaths(document: Json): readonly string[] {
  const paths: string[] = [];
  const visit = (value: Json | undefined, path: string): void => {
    if (value === undefined || !CARRIED.test(path)) return;
    paths.push(path);
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) return;
    for (const [name, member] of Object.entries(value as { readonly [name: string]: Json })) {
      const child = path === '' ? name : `${path}.${name}`;
      if (name === 'conditions' && Array.isArray(member)) {
        for (const [index, element] of (member as readonly Json[]).entries()) visit(element, `${child}[${index}]`);
      } else visit(member, child);
    }
  };
  visit(document, '');
  return paths;
}

function canonicalBytes(value: Json): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('a bundle document has no JSON form');
  return new TextEncoder().encode(text);
}

/** Reads the files of a packed bundle. Only the bytes that {@link writePackedLayout} writes are accepted. */
export function readPackedLayout(files: ReadonlyMap<string, Uint8Array>): Checked<BundleDocument> {
  const problems: Problem[] = [];
  for (const name of files.keys()) {
    // A document that this version does not know may hold rules; to ignore it would be to drop them.
    if (KNOWN_FILES.has(name) || name.startsWith('tests/') || name.startsWith(MODULES)) continue;
    problems.push(problem('ERR_BUNDLE_FILE_UNEXPECTED', name, 'this version does not know this file of a bundle'));
  }
  const manifest = readCanonical(files, MANIFEST, manifestShape(), problems);
  const packed = readCanonical(files, POLICIES, packedShape(), problems);
  if (manifest !== undefined && packed !== undefined) {
    if (manifest.revision !== packed.version || manifest.metadata.portcullis.name !== packed.name) {
      problems.push(problem('ERR_BUNDLE_LAYOUT', MANIFEST, 'the manifest and the policies name different bundles'));
    }
  }
  const registry = files.has(REGISTRY) ? readCanonical(files, REGISTRY, registryShape(), problems) : undefined;
  const modules = packed === undefined ? [] : readPackedModules(packed.modules ?? [], files, problems);
  if (problems.length > 0 || packed === undefined) return { ok: false, problems };
  const { name, version } = packed;
  const sets = packed.sets.map(({ priority_order, policies, tenant, workspace, environments, pack, ...set }) => ({
    ...set,
    ...(tenant === undefined ? {} : { tenant }),
    ...(workspace === undefined ? {} : { workspace }),
    ...(environments === undefined ? {} : { environments }),
    ...(pack === undefined ? {} : { pack }),
    priorityOrder: priority_order,
    policies: policies.map(
      (policy): PolicySource =>
        unpackPolicy(policy as { document: Json; file: string; path: string; positions: PackedPositions }),
    ),
  }));
  const declared = {
    ...(packed.fields === undefined ? {} : { fields: packed.fields as CustomFields }),
    ...(registry === undefined ? {} : { registry: registry as RegistryDocument }),
  };
  return {
    ok: true,
    value: { name, version, default: packed.default, ...keptFor(packed), ...declared, sets, modules },
  };
}

/**
 * Reads one policy of a packed document by itself. Nothing when it is not in canonical form or not of the shape; what is
 * wrong is then told by reading the whole document.
 */
export function readPackedPolicy(text: string, shape: PackedPolicyShape): PolicySource | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  const parsed = isCanonicalText(value, text) ? shape.safeParse(value) : undefined;
  return parsed?.success === true ? unpackPolicy(parsed.data as Parameters<typeof unpackPolicy>[0]) : undefined;
}

function unpackPolicy(policy: {
  document: Json;
  file: string;
  path: string;
  positions: PackedPositions;
}): PolicySource {
  const positions = new Map(Object.entries(policy.positions));
  return { document: policy.document, file: policy.file, base: policy.path, at: (path) => lookUp(positions, path) };
}

function readCanonical<S extends z.ZodType>(
  files: ReadonlyMap<string, Uint8Array>,
  name: string,
  shape: S,
  problems: Problem[],
): z.output<S> | undefined {
  const bytes = files.get(name);
  if (bytes === undefined) {
    problems.push(problem('ERR_BUNDLE_LAYOUT', name, 'the file is missing'));
    return undefined;
  }
  let value: Json;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text) as Json;
    // Byte equality with the canonical form also rules out duplicate keys, inexact numbers and stray bytes.
    if (!isCanonicalText(value, text)) throw new SyntaxError('the document is not in canonical form');
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    problems.push(problem('ERR_BUNDLE_LAYOUT', name, `not a bundle document: ${reason}`));
    return undefined;
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const path = issue.path.map(String).join('.');
    problems.push({ ...problem('ERR_BUNDLE_LAYOUT', name, issue.message), path });
  }
  return undefined;
}

function problem(code: PolicyProblemCode, file: string, message: string): Problem {
  return { code, message, path: '', file };
}
