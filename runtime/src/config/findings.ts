import type { z } from 'zod';
import { type ConfigProblem, formatPath } from './problem.js';

type Issue = z.core.$ZodIssue;

/** Turns the schema's issues into problems, one for every unknown key and every bad value. */
export function problemsOf(issues: readonly Issue[], origin: (path: string) => string | undefined): ConfigProblem[] {
  return issues
    .flatMap((issue) => flatten(issue, []))
    .map(({ path, message }) => {
      const text = formatPath(path);
      const from = origin(text);
      return { code: 'ERR_CONFIG_INVALID', message, path: text, ...(from === undefined ? {} : { origin: from }) };
    });
}

interface Flat {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function flatten(issue: Issue, base: readonly PropertyKey[]): Flat[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown key' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch with the fewest findings is most likely the one that was meant.
    const meant = [...issue.errors].sort((a, b) => a.length - b.length)[0] ?? [];
    if (meant.length > 0) return meant.flatMap((inner) => flatten(inner, path));
  }
  return [{ path, message: lowerFirst(issue.message) }];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
