import { LINT_CODES, LINT_RULES, type LintFinding, type LintSeverity } from '@portcullis/policy/analysis';
import type { LintResult } from './lint-folder.js';

const LEVEL = { error: 'error', warning: 'warning', info: 'note' } as const satisfies Record<LintSeverity, string>;
/** Where the pages of the codes are. */
const HELP = 'https://portcullis.dev/docs/reference/lint';

/** A SARIF 2.1.0 log (OASIS), for code scanning: one run, every code of lint as a rule. */
export function sarifLog(
  result: LintResult,
  options: { readonly version: string; readonly directory: string },
): unknown {
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'portcullis',
            semanticVersion: options.version,
            rules: LINT_CODES.map((code) => ({
              id: code,
              shortDescription: { text: LINT_RULES[code].title },
              fullDescription: { text: LINT_RULES[code].why },
              help: { text: LINT_RULES[code].fix },
              helpUri: `${HELP}#${code.toLowerCase()}`,
              defaultConfiguration: { level: LEVEL[LINT_RULES[code].severity] },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: [
          ...result.findings.map((finding) => sarifResult(finding, options.directory)),
          ...result.ignored.map(({ finding, reason }) => ({
            ...sarifResult(finding, options.directory),
            suppressions: [{ kind: 'external', status: 'accepted', justification: reason }],
          })),
        ],
      },
    ],
  };
}

function sarifResult(finding: LintFinding, directory: string): object {
  const { code, severity, message, suggestion, related, witness, set, layer, policy } = finding;
  const name = [layer, set, policy].filter((part) => part !== undefined).join('/');
  return {
    ruleId: code,
    ruleIndex: LINT_CODES.indexOf(code),
    level: LEVEL[severity],
    message: { text: `${message}. ${upperFirst(suggestion)}` },
    locations: [
      {
        physicalLocation: physical(finding.file, directory, { startLine: finding.line, startColumn: finding.column }),
        ...(name === '' ? {} : { logicalLocations: [{ fullyQualifiedName: name, kind: 'resource' }] }),
      },
    ],
    ...(related.length === 0
      ? {}
      : {
          relatedLocations: related.map((other, index) => ({
            id: index + 1,
            message: { text: other.policy },
            physicalLocation: physical(other.file, directory, { startLine: other.line }),
          })),
        }),
    ...(witness === undefined ? {} : { properties: { witness } }),
  };
}

function physical(file: string, directory: string, region: object): object {
  const path = directory === '' ? file : `${directory}/${file}`;
  // A URI reference: relative, with slashes, and nothing that means something in a URI.
  const uri = path.split(/[\\/]/).map(encodeURIComponent).join('/');
  return { artifactLocation: { uri }, region };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
