import { posix } from 'node:path';
import type { LintFinding } from '@portcullis/policy/analysis';
import { CLI_VERSION } from '../version.js';
import type { LintResult } from './lint-folder.js';
import { sarifLog } from './sarif.js';

/** The ways in which lint can report. */
export const LINT_FORMATS = ['pretty', 'json', 'github', 'sarif'] as const;
/** See {@link LINT_FORMATS}. */
export type LintFormat = (typeof LINT_FORMATS)[number];

/** What lint prints as data, in one of its formats. `directory` is put before every file. */
export function lintReport(result: LintResult, format: LintFormat, directory: string): string {
  switch (format) {
    case 'pretty':
      return result.findings.map((finding) => prettyFinding(finding, directory)).join('\n\n');
    case 'json':
      return JSON.stringify(jsonReport(result, directory), null, 2);
    case 'github':
      return result.findings.map((finding) => githubCommand(finding, directory)).join('\n');
    case 'sarif':
      return JSON.stringify(sarifLog(result, { version: CLI_VERSION, directory }), null, 2);
  }
}

/** One line about all findings. */
export function lintSummary({ findings, ignored, undecided, rules }: LintResult): string {
  const count = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  const parts = [
    plural(rules, 'policy', 'policies'),
    plural(count('error'), 'error'),
    plural(count('warning'), 'warning'),
    `${count('info')} info`,
  ];
  if (ignored.length > 0) parts.push(`${ignored.length} ignored`);
  if (undecided.length > 0) parts.push(`${plural(undecided.length, 'policy', 'policies')} undecided`);
  return parts.join(', ');
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A file of the directory that was linted, as an editor can open it. */
export function inDirectory(file: string, directory: string): string {
  return directory === '' ? file : posix.join(directory, file);
}

function prettyFinding(finding: LintFinding, directory: string): string {
  const { severity, code, message, suggestion, line, column, witness } = finding;
  const lines = [
    `${inDirectory(finding.file, directory)}:${line}:${column} ${severity}: ${message} (${code})`,
    `  ${suggestion}`,
  ];
  if (witness !== undefined) lines.push(`  for example: ${JSON.stringify(witness)}`);
  return lines.join('\n');
}

function jsonReport({ findings, ignored, undecided, rules }: LintResult, directory: string): unknown {
  const placed = <T extends { readonly file: string }>(one: T): T => ({
    ...one,
    file: inDirectory(one.file, directory),
  });
  const shown = (finding: LintFinding): LintFinding => placed({ ...finding, related: finding.related.map(placed) });
  return {
    policies: rules,
    findings: findings.map(shown),
    ignored: ignored.map(({ finding, reason }) => ({ ...shown(finding), reason })),
    undecided: undecided.map(placed),
  };
}

const COMMAND = { error: 'error', warning: 'warning', info: 'notice' } as const;

/** A workflow command, which GitHub shows at the line. */
function githubCommand(finding: LintFinding, directory: string): string {
  const { severity, code, message, suggestion, line, column } = finding;
  const place = `file=${property(inDirectory(finding.file, directory))},line=${line},col=${column},title=${property(code)}`;
  return `::${COMMAND[severity]} ${place}::${escapeData(`${message}. ${suggestion}`)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
