import {
  type BundleDocument,
  type CompiledBundle,
  compileDocument,
  type Engine,
  LONE_PACK_FOLDER,
  linkBundle,
  loadModuleEngines,
  type ModuleEvaluator,
  PACK_MANIFEST,
  packAsBundle,
  readBundleDocument,
  readPack,
} from '@portcullis/policy';
import type { Checked, JsonObject, Problem } from '@portcullis/policy/model';
import type { SuiteProblemCode } from '../suite-problem-codes.js';
import { checkNames } from './check-names.js';
import { readSuites } from './read-suites.js';
import type { TestSuite } from './suite.js';

/** Policies under test, and the suites that test them. */
export interface Subject {
  /** What it was compiled from. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly document: BundleDocument;
  readonly compiled: CompiledBundle;
  /** One for each of the bundle's modules. */
  readonly evaluators: readonly ModuleEvaluator[];
  readonly engine: Engine;
  readonly suites: readonly TestSuite[];
}

/**
 * Reads what is to be tested from the files of a folder: a policy folder (`bundle.yaml`), or a pack (`pack.yaml`), which
 * is tested as a bundle of its own, once for each distinct set of `parameters` that its suites give.
 */
export async function readSubjects(files: ReadonlyMap<string, Uint8Array>): Promise<Checked<readonly Subject[]>> {
  const suites = readSuites(files);
  if (!files.has(PACK_MANIFEST)) {
    const subject = await compileSubject(files, suites.ok ? suites.value : []);
    const problems = [...(suites.ok ? [] : suites.problems), ...(subject.ok ? [] : subject.problems)];
    if (!subject.ok || problems.length > 0) return { ok: false, problems: [...problems, ...strayParameters(suites)] };
    const stray = strayParameters(suites);
    return stray.length > 0 ? { ok: false, problems: stray } : { ok: true, value: [subject.value] };
  }
  const pack = readPack(files, '');
  const problems = [...(pack.ok ? [] : pack.problems), ...(suites.ok ? [] : suites.problems)];
  if (!pack.ok || !suites.ok) return { ok: false, problems };
  const groups = new Map<string, { readonly values: JsonObject; readonly suites: TestSuite[] }>();
  // A pack whose suites give no parameters, or that has no suites, is compiled with its defaults all the same.
  if (suites.value.length === 0) groups.set('{}', { values: {}, suites: [] });
  for (const suite of suites.value) {
    const key = JSON.stringify(Object.entries(suite.parameters).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key) ?? { values: suite.parameters, suites: [] };
    group.suites.push(suite);
    groups.set(key, group);
  }
  const subjects: Subject[] = [];
  for (const group of groups.values()) {
    const subject = await compileSubject(packAsBundle(pack.value, files, group.values), group.suites);
    if (subject.ok) subjects.push(subject.value);
    else problems.push(...subject.problems.map(inPack));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: subjects };
}

async function compileSubject(
  files: ReadonlyMap<string, Uint8Array>,
  suites: readonly TestSuite[],
): Promise<Checked<Subject>> {
  const document = readBundleDocument(files);
  if (!document.ok) return document;
  const compiled = compileDocument(document.value);
  if (!compiled.ok) return compiled;
  const problems = checkNames(suites, compiled.value);
  if (problems.length > 0) return { ok: false, problems };
  const evaluators = await loadModuleEngines(compiled.value);
  if (!evaluators.ok) return evaluators;
  const engine = linkBundle(compiled.value, evaluators.value);
  const subject: Subject = {
    files,
    document: document.value,
    compiled: compiled.value,
    evaluators: evaluators.value,
    engine,
    suites,
  };
  return { ok: true, value: subject };
}

/** Only packs have parameters; elsewhere they would look as if they did something. */
function strayParameters(suites: Checked<readonly TestSuite[]>): readonly Problem[] {
  if (!suites.ok) return [];
  return suites.value
    .filter((suite) => Object.keys(suite.parameters).length > 0)
    .map(({ file }) => ({
      code: 'ERR_TESTS_SHAPE' satisfies SuiteProblemCode,
      message: 'only the suites of a pack give parameters',
      path: 'parameters',
      file,
    }));
}

/** A pack's files stand in a folder of the bundle that is made of it; its author knows them without. */
export function fileInPack(file: string): string {
  return file.startsWith(`${LONE_PACK_FOLDER}/`) ? file.slice(LONE_PACK_FOLDER.length + 1) : file;
}

function inPack(problem: Problem): Problem {
  return problem.file === undefined ? problem : { ...problem, file: fileInPack(problem.file) };
}
