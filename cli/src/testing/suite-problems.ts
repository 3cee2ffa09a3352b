import { childPath, didYouMean, type Excerpt } from '@portcullis/policy';
import type { Problem } from '@portcullis/policy/model';
import type { z } from 'zod';
import type { SuiteProblemCode } from '../suite-problem-codes.js';

/** Collects the problems of suites, each once. */
export interface SuiteProblems {
  add(where: Excerpt, path: string, code: SuiteProblemCode, message: string, what?: 'value' | 'key'): void;
  addAll(problems: readonly Problem[]): void;
  /** Reports what a schema refused; `base` is where the checked value stands in `where`. */
  addShape(where: Excerpt, base: string, error: z.ZodError, schema: z.ZodType): void;
  readonly all: readonly Problem[];
}

/** An empty collection. */
export function createSuiteProblems(): SuiteProblems {
  const byText = new Map<string, Problem>();
  const push = (problem: Problem): void => {
    // The same part of a request is checked once per case that it is part of.
    byText.set(JSON.stringify([problem.file, problem.line, problem.column, problem.path, problem.message]), problem);
  };
  const add: SuiteProblems['add'] = (where, path, code, message, what = 'value') => {
    const place = where.at(path, what);
    push({
      code,
      message,
      path,
      file: where.file,
      ...(place === undefined ? {} : { line: place[0], column: place[1] }),
    });
  };
  return {
    add,
    addAll: (problems) => problems.forEach(push),
    addShape: (where, base, error, schema) => {
      for (const issue of error.issues) addIssue(issue, { where, base, schema, add });
    },
    get all() {
      return [...byText.values()];
    },
  };
}

interface IssueContext {
  readonly where: Excerpt;
  readonly base: string;
  readonly schema: z.ZodType;
  readonly add: SuiteProblems['add'];
}

function addIssue(issue: z.core.$ZodIssue, { where, base, schema, add }: IssueContext): void {
  const path = issue.path.reduce<string>(
    (parent, part) => childPath(parent, typeof part === 'number' ? part : String(part)),
    base,
  );
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    for (const key of issue.keys) {
      const list = known.length === 0 ? '' : ` (it is one of ${known.join(', ')})`;
      add(
        where,
        childPath(path, key),
        'ERR_TESTS_KEY_UNKNOWN',
        `unknown key "${key}"${didYouMean(key, known) || list}`,
        'key',
      );
    }
    return;
  }
  if (issue.code === 'invalid_key') {
    const [inner] = issue.issues;
    add(where, path, 'ERR_TESTS_SHAPE', lowerFirst(inner?.message ?? issue.message), 'key');
    return;
  }
  // Zod says "received undefined" of a key that is not there.
  const missing = issue.message.endsWith('received undefined') && issue.path.length > 0;
  add(where, path, 'ERR_TESTS_SHAPE', missing ? `${path} is missing` : lowerFirst(issue.message));
}

/** The keys that the object at `path` of a schema has. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current = unwrapped(schema.def as Definition);
  for (const part of path) {
    const next: z.ZodType | undefined = current.shape?.[String(part)] ?? current.element ?? current.valueType;
    if (next === undefined) return [];
    current = unwrapped(next.def as Definition);
  }
  return Object.keys(current.shape ?? {});
}

/** What zod's definitions have in common, as far as it is needed here. */
interface Definition {
  readonly innerType?: z.ZodType;
  readonly shape?: { readonly [key: string]: z.ZodType };
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
}

function unwrapped(definition: Definition): Definition {
  let current = definition;
  while (current.innerType !== undefined) current = current.innerType.def as Definition;
  return current;
}

function lowerFirst(message: string): string {
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
