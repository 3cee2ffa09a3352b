import type { Problem } from '../model/problem.js';
import { sortProblems } from '../model/problem.js';
import type { PolicyProblemCode } from './problem-codes.js';
import type { Position, SourceDocument } from './source-document.js';

/** A part of a document, spoken of by paths relative to it: one policy of a list, or a whole file. */
export interface Excerpt {
  readonly file: string;
  /** The excerpt's own path inside the file, '' for the whole file, `[2]` for the third policy of a list. */
  readonly base: string;
  /** The place of a value (or of its key) inside the excerpt; that of the nearest parent when it is not known. */
  at(path: string, what?: 'value' | 'key'): Position | undefined;
}

/** Collects problems about excerpts, so that an author sees all of them at once. */
export interface Findings {
  add(where: Excerpt, path: string, code: PolicyProblemCode, message: string, what?: 'value' | 'key'): void;
  addAll(problems: readonly Problem[]): void;
  /** Also of the problems that are no longer kept. */
  readonly count: number;
  /** Whether further problems are only counted; looking for them is a waste. */
  readonly full: boolean;
  /** In reading order. */
  sorted(): readonly Problem[];
}

/** Problems that are kept: an author mends them a few at a time, and a file that has more is not one by hand. */
const MAX_PROBLEMS = 1000;

/** An empty collection. */
export function createFindings(): Findings {
  const problems: Problem[] = [];
  let count = 0;
  const keep = (problem: Problem): void => {
    count += 1;
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };
  return {
    add(where, path, code, message, what = 'value') {
      const place = problems.length < MAX_PROBLEMS ? where.at(path, what) : undefined;
      keep({
        code,
        message,
        path: joinPaths(where.base, path),
        file: where.file,
        ...(place === undefined ? {} : { line: place[0], column: place[1] }),
      });
    },
    addAll(more) {
      for (const problem of more) keep(problem);
    },
    get count() {
      return count;
    },
    get full() {
      return problems.length >= MAX_PROBLEMS;
    },
    sorted() {
      const sorted = sortProblems(problems);
      const last = sorted.at(-1);
      if (count <= MAX_PROBLEMS || last === undefined) return sorted;
      return [...sorted, { ...last, message: `there are more problems; these are the first ${MAX_PROBLEMS}` }];
    },
  };
}

/** The part of a document that begins at `base`. */
export function excerptOf(document: SourceDocument, base: string): Excerpt {
  return {
    file: document.file,
    base,
    at(path, what = 'value') {
      const wanted = joinPaths(base, path);
      const own = what === 'key' ? document.keys.get(wanted) : undefined;
      return own ?? lookUp(document.positions, wanted);
    },
  };
}

/** A place recorded for `path`, or for its nearest recorded parent. */
export function lookUp(positions: ReadonlyMap<string, Position>, path: string): Position | undefined {
  let current = path;
  for (;;) {
    const found = positions.get(current);
    if (found !== undefined || current === '') return found;
    current = current.slice(0, Math.max(current.lastIndexOf('.'), current.lastIndexOf('['), 0));
  }
}

function joinPaths(base: string, path: string): string {
  if (base === '' || path === '') return base + path;
  return path.startsWith('[') ? base + path : `${base}.${path}`;
}
