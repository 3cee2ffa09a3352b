import { stat } from 'node:fs/promises';
import { compileBundle, linkBundle, loadModuleEngines } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Checked, ContextualRequest } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readBundleFile } from '../bundle/load-engine.js';
import { readSource } from '../bundle/read-source.js';
import { usageFault } from '../faults.js';
import { readSubjects } from '../testing/subject.js';
import { type EngineSpeed, type MeasureOptions, measureEngine, rounded } from './measure.js';
import { type RuleCost, rankRules } from './rule-costs.js';

/** How fast policies are, in this process on this machine. */
export interface BenchReport extends EngineSpeed {
  readonly policies: number;
  /** Different requests that were asked. */
  readonly requests: number;
  /** Milliseconds from bytes to compiled rules, the second time. */
  readonly compile_ms: number;
  /** Milliseconds from compiled rules to an engine with its index, the second time. */
  readonly link_ms: number;
  /** Dearest first; empty for more than 2,000 policies. */
  readonly dearest: readonly RuleCost[];
}

/** Of the time, what the ranking of rules may take. */
const RANKING = 0.25;

/**
 * Measures a policy folder, a pack or a bundle file.
 * @param given the requests to ask; those of the folder's tests when absent
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read, `ERR_CLI_USAGE` when there is nothing to ask
 */
export async function benchPolicies(
  path: string,
  given: readonly ContextualRequest[] | undefined,
  options: MeasureOptions,
): Promise<Checked<BenchReport>> {
  const loaded = await load(path);
  if (!loaded.ok) return loaded;
  const { files, requests: own } = loaded.value;
  const requests = given ?? own;
  if (requests.length === 0) {
    throw usageFault(`${path} has no tests to take requests from: give --requests FILE`);
  }
  const start = options.clock.monotonic();
  const compiled = compileBundle(files);
  const afterCompile = options.clock.monotonic();
  if (!compiled.ok) return compiled;
  const evaluators = await loadModuleEngines(compiled.value);
  if (!evaluators.ok) return evaluators;
  const beforeLink = options.clock.monotonic();
  const engine = linkBundle(compiled.value, evaluators.value);
  const afterLink = options.clock.monotonic();
  const speed = measureEngine(engine, requests, { ...options, seconds: options.seconds * (1 - RANKING) });
  const value: BenchReport = {
    policies: engine.policyCount,
    requests: requests.length,
    compile_ms: rounded(afterCompile - start),
    link_ms: rounded(afterLink - beforeLink),
    ...speed,
    dearest: rankRules(compiled.value, requests, { ...options, seconds: options.seconds * RANKING }),
  };
  return { ok: true, value };
}

interface Loaded {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly requests: readonly ContextualRequest[];
}

/** The files to compile, and the requests of the tests that are with them; a bundle file has none. */
async function load(path: string): Promise<Checked<Loaded>> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${path} does not exist: expected a policy directory, a pack or a bundle`;
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
  });
  if (!found.isDirectory()) {
    const unpacked = await unpackBundle(await readBundleFile(path));
    return unpacked.ok ? { ok: true, value: { files: unpacked.value, requests: [] } } : unpacked;
  }
  const subjects = await readSubjects(await readSource(path));
  if (!subjects.ok) return subjects;
  const all = subjects.value.map(({ files, suites }) => ({
    files,
    requests: suites
      .flatMap(({ cases }) => cases)
      .filter(({ skip }) => skip === undefined)
      .map(({ request }) => request),
  }));
  // A pack is compiled once per set of parameters; what most tests ask of stands for it.
  const [most] = all.toSorted((a, b) => b.requests.length - a.requests.length);
  return { ok: true, value: most ?? { files: new Map(), requests: [] } };
}
