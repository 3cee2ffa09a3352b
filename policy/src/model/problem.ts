/**
 * A problem: a finding about someone's input (policy text, bundle, config). Collected, sorted and returned, never thrown.
 */
export interface Problem {
  /** `ERR_<AREA>_<WHAT>`, stable. */
  readonly code: string;
  /** Says what was found, what was expected and, where there is one, what was probably meant. */
  readonly message: string;
  /** The place inside the document, e.g. `when.conditions[1].operator`. */
  readonly path: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
}

/** Either a value, or every problem that kept it from being one. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Orders problems by file, line, column, then path: the order an author reads in. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort(
    (a, b) =>
      (a.file ?? '').localeCompare(b.file ?? '') ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      a.path.localeCompare(b.path),
  );
}

/** `file:line:column path: message (CODE)`, without the parts that are absent. */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  const where = [place, problem.path].filter((part) => part !== '').join(' ');
  return `${where === '' ? '' : `${where}: `}${problem.message} (${problem.code})`;
}
