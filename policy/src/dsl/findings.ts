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
  readonly count: number;
  /** In reading order. */
  sorted(): readonly Problem[];
}

/** An empty collection. */
export function createFindings(): Findings {
  const problems: Problem[] = [];
  return {
    add(where, path, code, message, what = 'value') {
      const place = where.at(path, what);
      problems.push({
        code,
        message,
        path: joinPaths(where.base, path),
        file: where.file,
        ...(place === undefined ? {} : { line: place[0], column: place[1] }),
      });
    },
    addAll(more) {
      problems.push(...more);
    },
    get count() {
      return problems.length;
    },
    sorted() {
      return sortProblems(problems);
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
