import type { RuleIr, SetIr } from '../../engine/ir.js';
import type { Layer } from '../../model/decision.js';
import type { ContextualRequest } from '../../model/facts.js';
import { LINT_RULES, type LintCode, type LintSeverity } from './rules.js';

/** One thing that lint found. */
export interface LintFinding {
  readonly code: LintCode;
  readonly severity: LintSeverity;
  /** Names what was found and in what. */
  readonly message: string;
  /** What to do. */
  readonly suggestion: string;
  readonly policy?: string;
  readonly set?: string;
  readonly layer?: Layer;
  /** The place inside the policy, e.g. `when.conditions[1]`; empty for the policy itself. */
  readonly path: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** A request that shows it; the engine has confirmed that it does. */
  readonly witness?: ContextualRequest;
  /** Other policies that it is about. */
  readonly related: readonly { readonly policy: string; readonly file: string; readonly line: number }[];
}

/** Where a value of a policy stands in its file, when that is known better than the compiled rule knows it. */
export type Locate = (rule: RuleIr, path: string) => readonly [line: number, column: number] | undefined;

/** What a finding says besides its place. */
export interface FindingText {
  readonly code: LintCode;
  readonly message: string;
  readonly path?: string;
  /** The line that the compiled rule knows for `path`. */
  readonly line?: number;
  readonly suggestion?: string;
  readonly severity?: LintSeverity;
  readonly witness?: ContextualRequest;
  readonly related?: readonly RuleIr[];
}

/** A finding about a rule, at its place. */
export function findingOf(rule: RuleIr, set: SetIr, text: FindingText, locate: Locate): LintFinding {
  const { code, message, path = '', witness, related = [] } = text;
  const found = locate(rule, path);
  const [line, column] =
    found ?? (text.line === undefined || text.line === 0 ? [rule.line, rule.column] : [text.line, 1]);
  return {
    code,
    severity: text.severity ?? LINT_RULES[code].severity,
    message,
    suggestion: text.suggestion ?? LINT_RULES[code].fix,
    policy: rule.id,
    set: set.name,
    layer: set.layer,
    path,
    file: rule.file,
    line,
    column,
    ...(witness === undefined ? {} : { witness }),
    related: related.map((other) => ({ policy: other.id, file: other.file, line: other.line })),
  };
}
