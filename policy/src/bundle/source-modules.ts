import type { Excerpt, Findings } from '../dsl/findings.js';
import type { EnvironmentScope } from '../dsl/policy-head.js';
import type { BundleShape } from '../dsl/schema.js';
import { childPath } from '../dsl/source-document.js';
import type { ModuleEngine } from '../engine/ir.js';
import { MODULE_LIMITS } from '../modules/limits.js';
import type { ModuleDocument } from './bundle-document.js';
import { createNameRegister, fileNameFault } from './file-name.js';
import { BUNDLE_LIMITS } from './limits.js';
import { packedName } from './packed-modules.js';

/** Papers for people, which may stand among policies. */
export const PAPER = /(^|\/)(LICENSE|[^/]*\.md)$/;
/** What a program in Rego was compiled from; it may stand beside it, and is not part of the bundle. */
const REGO_SOURCE = /\.rego$/;

type SetShape = BundleShape['sets'][number];
/** A set whose policies are in another engine's language. */
export type ModuleSetShape = SetShape & {
  readonly engine: ModuleEngine;
  readonly policies: string;
  readonly environments?: EnvironmentScope | undefined;
};

/** Whether a set is a usable module. */
export function isOfModule(set: SetShape): set is ModuleSetShape {
  if (set.engine === undefined || set.policies === undefined) return false;
  return set.environments === undefined || isScope(set.environments);
}

/** Whether `environments` says where a set applies, rather than what a pack's parameters are there. */
export function isScope(environments: object): environments is EnvironmentScope {
  return Object.hasOwn(environments, 'only') || Object.hasOwn(environments, 'except');
}

/** A module resolves in one way only, and each engine has keys of its own. */
export function checkModuleKeys(set: SetShape, at: string, where: Excerpt, findings: Findings): void {
  const report = (key: string, message: string): void =>
    findings.add(where, childPath(at, key), 'ERR_POLICY_SHAPE', message);
  for (const key of ['combining', 'priority_order', 'pack', 'parameters'] as const) {
    if (set[key] !== undefined) report(key, `a set of the engine ${set.engine ?? ''} has no ${key}`);
  }
  if (set.policies === undefined) report('policies', `${childPath(at, 'policies')} is missing`);
  if (set.environments !== undefined && !isScope(set.environments)) {
    report('environments', 'expected {only: [...]} or {except: [...]}');
  }
  if (set.engine === 'rego' && set.entrypoint === undefined) {
    report(
      'entrypoint',
      `${childPath(at, 'entrypoint')} is missing: the rule that decides, such as portcullis/decision`,
    );
  }
  if (set.engine !== 'rego' && set.entrypoint !== undefined) {
    report('entrypoint', 'only a set of the engine rego has an entrypoint');
  }
}

/** Where a module's folder is, and where its findings go. */
export interface ModulePlace {
  readonly folder: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly where: Excerpt;
  /** The set's own path in `bundle.yaml`. */
  readonly at: string;
  readonly findings: Findings;
}

/** Reads the files of a module. What is in them is for its engine to say. */
export function readSourceModule(set: ModuleSetShape, place: ModulePlace): ModuleDocument {
  const { folder, files, where, at, findings } = place;
  const own = new Map<string, Uint8Array>();
  const register = createNameRegister();
  for (const [path, bytes] of files) {
    if (!path.startsWith(`${folder}/`) || PAPER.test(path) || (set.engine === 'rego' && REGO_SOURCE.test(path)))
      continue;
    const name = path.slice(folder.length + 1);
    own.set(name, bytes);
    const packed = packedName(set.name, name);
    const fault = fileNameFault(packed, BUNDLE_LIMITS.maxDepth) ?? register.add(packed);
    if (fault === undefined) continue;
    const message = `the file would be ${packed} in the bundle: ${fault}`;
    findings.addAll([{ code: 'ERR_BUNDLE_NAME', message, path: '', file: path }]);
  }
  const policies = childPath(at, 'policies');
  if (own.size === 0) {
    const message = `the folder "${set.policies}" has no files, so the set would be empty`;
    findings.add(where, policies, 'ERR_BUNDLE_LAYOUT', message);
  } else if (own.size > MODULE_LIMITS.files) {
    const message = `the folder "${set.policies}" has ${own.size} files, at most ${MODULE_LIMITS.files}`;
    findings.add(where, policies, 'ERR_MODULE_TOO_LARGE', message);
  }
  return {
    name: set.name,
    layer: set.layer,
    ...(set.tenant === undefined ? {} : { tenant: set.tenant }),
    ...(set.workspace === undefined ? {} : { workspace: set.workspace }),
    ...(set.environments === undefined ? {} : { environments: set.environments }),
    engine: set.engine,
    ...(set.entrypoint === undefined ? {} : { entrypoint: set.entrypoint }),
    folder,
    files: own,
  };
}
