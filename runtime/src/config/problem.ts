/** A finding about the configuration. */
export interface ConfigProblem {
  readonly code: 'ERR_CONFIG_INVALID' | 'ERR_CONFIG_FILE' | 'ERR_CONFIG_FLAG';
  readonly message: string;
  /** `bundles.sources[0].url`; empty for the whole. */
  readonly path: string;
  /** The file, variable or flag that the value came from, when known. */
  readonly origin?: string;
}

/** One line for a person. */
export function formatConfigProblem(problem: ConfigProblem): string {
  const place = [problem.origin, problem.path].filter((part) => part !== undefined && part !== '').join(' ');
  return `${place === '' ? 'config' : place}: ${problem.message} (${problem.code})`;
}

/** Writes a path the way people write it: `a.b[0].c`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}
