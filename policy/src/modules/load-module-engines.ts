import type { CompiledBundle, ModuleEngine, ModuleIr } from '../engine/ir.js';
import type { ModuleEvaluator } from '../engine/link.js';
import { assertNever } from '../model/exhaustive.js';
import { type Checked, type Problem, sortProblems } from '../model/problem.js';
import type { CedarLibrary } from './cedar/cedar-library.js';
import type { OpaLibrary } from './rego/opa-library.js';

/** What of a compiled bundle concerns its modules. */
export type BundleModules = Pick<CompiledBundle, 'version' | 'modules'>;

/** Checks one module and makes its evaluator. */
type ModuleLoader = (ir: ModuleIr, policyVersion: string) => Promise<Checked<ModuleEvaluator>>;

/**
 * Checks and loads the modules of a bundle, in their order, for `linkBundle`. The libraries of other engines are
 * imported only when a module needs them. All problems are returned; never rejects.
 */
export async function loadModuleEngines(bundle: BundleModules): Promise<Checked<readonly ModuleEvaluator[]>> {
  const loaders = new Map<ModuleEngine, ModuleLoader>();
  const evaluators: ModuleEvaluator[] = [];
  const problems: Problem[] = [];
  for (const ir of bundle.modules) {
    const loaded = await loadModule(ir, bundle.version, loaders);
    if (loaded.ok) evaluators.push(loaded.value);
    else problems.push(...loaded.problems);
  }
  return problems.length > 0 ? { ok: false, problems: sortProblems(problems) } : { ok: true, value: evaluators };
}

/** What keeps the modules of a bundle from being loaded; what a build and a compiler have to ask before they accept it. */
export async function checkModules(bundle: BundleModules): Promise<readonly Problem[]> {
  const loaded = await loadModuleEngines(bundle);
  return loaded.ok ? [] : loaded.problems;
}

async function loadModule(
  ir: ModuleIr,
  policyVersion: string,
  loaders: Map<ModuleEngine, ModuleLoader>,
): Promise<Checked<ModuleEvaluator>> {
  try {
    const load = loaders.get(ir.engine) ?? (await createLoader(ir.engine));
    loaders.set(ir.engine, load);
    return await load(ir, policyVersion);
  } catch (error) {
    // A library that gives up on a hostile module must not take the process with it.
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the module "${ir.name}" cannot be loaded: ${reason}`;
    return { ok: false, problems: [{ code: 'ERR_MODULE_PROGRAM', message, path: '', file: ir.folder }] };
  }
}

async function createLoader(engine: ModuleEngine): Promise<ModuleLoader> {
  switch (engine) {
    case 'cedar':
      return createCedarLoader();
    case 'rego':
      return createRegoLoader();
    default:
      return assertNever(engine);
  }
}

async function createCedarLoader(): Promise<ModuleLoader> {
  const [{ importCedar }, { readCedarModule }, { createCedarEvaluator }] = await Promise.all([
    import('./cedar/cedar-library.js'),
    import('./cedar/cedar-module.js'),
    import('./cedar/cedar-evaluator.js'),
  ]);
  const library: CedarLibrary = await importCedar();
  return async (ir, policyVersion) => {
    const module = readCedarModule(library, ir);
    return module.ok ? { ok: true, value: createCedarEvaluator(library, ir, module.value, policyVersion) } : module;
  };
}

async function createRegoLoader(): Promise<ModuleLoader> {
  const [{ importOpa }, { readRegoModule }, { createRegoEvaluator }] = await Promise.all([
    import('./rego/opa-library.js'),
    import('./rego/rego-module.js'),
    import('./rego/rego-evaluator.js'),
  ]);
  const library: OpaLibrary = await importOpa();
  return async (ir, policyVersion) => {
    const module = await readRegoModule(library, ir);
    return module.ok ? { ok: true, value: createRegoEvaluator(ir, module.value, policyVersion) } : module;
  };
}
