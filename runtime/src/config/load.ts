import type { z } from 'zod';
import type { Environment } from './environment.js';
import { readConfigFile } from './file.js';
import { problemsOf } from './findings.js';
import { type Flags, parseFlags } from './flags.js';
import { deepFreeze } from './freeze.js';
import { environmentOverrides, setOverrides, withOverride } from './overrides.js';
import { type ConfigProblem, formatPath } from './problem.js';
import { settingPaths } from './schema-paths.js';

/** What loading needs to know about a service. */
export interface ConfigSpec<S extends z.ZodType> {
  /** `pdp`: part of variable names, metric names and log lines. */
  readonly name: string;
  /** Every object in it must be strict. */
  readonly schema: S;
  /** Words that may be the first argument. */
  readonly modes?: readonly string[];
}

/** A frozen configuration, or every problem at once. */
export type LoadedConfig<S extends z.ZodType> =
  | { readonly ok: true; readonly config: z.output<S>; readonly flags: Flags; readonly rest: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly flags: Flags };

/**
 * Reads the configuration of a service: flag before environment before file before default. Reads the one file that
 * `--config` names and nothing else.
 * @throws PortcullisError `ERR_CONFIG_SCHEMA` when the schema itself tolerates unknown keys.
 */
export function loadConfig<S extends z.ZodType>(
  spec: ConfigSpec<S>,
  argv: readonly string[],
  env: Environment,
): LoadedConfig<S> {
  const settings = settingPaths(spec.schema);
  const { flags, problems: flagProblems } = parseFlags(argv, spec.modes ?? []);
  const problems: ConfigProblem[] = [...flagProblems];

  let document: unknown = {};
  if (flags.configFile !== undefined) {
    const file = readConfigFile(flags.configFile);
    if (file.ok) document = file.document;
    else problems.push(...file.problems);
  }
  const fromEnvironment = environmentOverrides(spec.name, settings, env);
  const fromFlags = setOverrides(flags.sets, settings);
  problems.push(...fromEnvironment.problems, ...fromFlags.problems);

  const origins = new Map<string, string>();
  for (const override of [...fromEnvironment.overrides, ...fromFlags.overrides]) {
    document = withOverride(document, override.path, override.value);
    origins.set(formatPath(override.path), override.origin);
  }

  const parsed = spec.schema.safeParse(document);
  if (!parsed.success) {
    problems.push(...problemsOf(parsed.error.issues, settings, (path) => origins.get(path) ?? flags.configFile));
  }
  if (problems.length > 0 || !parsed.success) return { ok: false, problems, flags };
  return { ok: true, config: deepFreeze(parsed.data), flags, rest: flags.rest };
}
