/** The door for authors' tools: what policies can and cannot do, without running them. No PDP needs it. */
export { formatPolicyFile, printPolicy } from '../dsl/print.js';
export { type BundleDiff, compareBundles, type Flip } from './diff/compare-bundles.js';
export type { PolicyAspect, PolicyChange } from './diff/policy-changes.js';
export { type VerdictChange, verdictChange } from './diff/verdict-change.js';
export { type FindingText, findingOf, type LintFinding, type Locate } from './lint/finding.js';
export { commonFindings, compareFindings, type LintOptions, type LintReport, lintBundle } from './lint/lint-bundle.js';
export { isLintCode, LINT_CODES, LINT_RULES, LINT_SEVERITIES, type LintCode, type LintSeverity } from './lint/rules.js';
export { type LintIgnore, type LintSettings, readLintSettings } from './lint/settings.js';
