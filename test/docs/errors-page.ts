import { SURFACE } from '@portcullis/runtime';
import { scanErrorCodes } from './error-codes.js';
import { ERROR_MEANINGS, type ErrorMeaning, FOREIGN_CODES } from './error-meanings.js';
import { code, markdownPage, type Page, table } from './page.js';

const AREAS: Readonly<Record<string, string>> = {
  ADMIN: 'The admin interface of the distributor, and admin ports',
  APPROVAL: 'Approvals',
  KILL: 'Kill switch',
  AUDIT: 'Decision records',
  BUNDLE: 'Bundles: their layout, their bytes, and how a PDP obtains them',
  CHANNEL: 'The channel between distributor and PDPs',
  CHILD: 'The server behind the stdio wrapper',
  CLI: 'The command line tool',
  CONFIG: 'Configuration',
  CONTEXT: 'Context and users',
  CREDENTIAL: 'Credentials for MCP servers',
  EVIDENCE: 'Evidence that the distributor stores',
  EGRESS: 'The egress proxy',
  GATEWAY: 'Gateways of other makers',
  HTTP: 'The HTTP surfaces of the PDP',
  IDENTITY: 'Identities',
  INTERNAL: 'Defects',
  LISTEN: 'Ports',
  MODULE: 'Modules of other engines',
  NODE: 'Status reports of PDPs',
  PACK: 'Packs of policies',
  PDP: 'Ports of the PDP',
  PKI: 'The development PKI',
  POLICY: 'Policy text',
  QUOTA: 'Quotas',
  REVIEW: 'Reviews',
  RELEASE: 'Releases',
  REPOSITORY: 'The repository of the distributor',
  REQUEST: 'Canonical requests',
  SEARCH: 'AuthZEN search',
  ACCESS: 'AuthZEN access requests',
  SESSION: 'Sessions',
  RISK: 'The risk stage',
  STORE: 'The database of the distributor',
  TASK: 'Long-running parts of a process',
  TESTS: 'Test suites of policies',
  TLS: 'TLS',
  TOOL: 'What is declared of tools',
  TRUST: 'Trust metadata and signing keys',
  WIRE: 'Messages between processes',
};

/** What is wrong between the sources and the table, one line each; empty when they agree both ways. */
export function errorParity(root: string): readonly string[] {
  const { used, mentioned } = scanErrorCodes(root);
  const known = (name: string): boolean => Object.hasOwn(ERROR_MEANINGS, name) || FOREIGN_CODES.has(name);
  return [
    ...[...mentioned]
      .filter(([name]) => !known(name))
      .map(([name, file]) => `${name} (${file}) is not described in test/docs/error-meanings.ts`),
    ...[...Object.keys(ERROR_MEANINGS), ...FOREIGN_CODES]
      .filter((name) => !used.has(name))
      .map((name) => `${name} is described in test/docs/error-meanings.ts and used nowhere`),
  ];
}

/** `docs/reference/errors.md`. */
export function errorsPage(root: string): Page {
  const { used } = scanErrorCodes(root);
  const areaOf = (name: string): string => name.split('_')[1] ?? '';
  const byArea = Map.groupBy(Object.keys(ERROR_MEANINGS).toSorted(), areaOf);
  const rowOf = (name: string): readonly string[] => {
    const { meaning, action }: ErrorMeaning = ERROR_MEANINGS[name] ?? { meaning: '', action: '' };
    return [code(name), meaning, action, (used.get(name) ?? []).join(', ')];
  };
  return markdownPage('docs/reference/errors.md', 'Error codes', [
    'Codes of faults (what a process could not do) and of problems (what is wrong with an input). Branch on the code, ' +
      'never on the message. A code that is retired is never used again. A denial is neither: see ' +
      '[deny codes](deny-codes.md).',
    'A fault also has a kind, which says how it looks from outside:',
    table(
      ['kind', 'gRPC status', 'HTTP status', 'log level', 'worth a retry'],
      Object.entries(SURFACE).map(([kind, row]) => [
        kind,
        String(row.grpcStatus),
        String(row.httpStatus),
        row.logLevel,
        row.retryable ? 'yes' : 'no',
      ]),
    ),
    ...[...byArea]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([area, names]) => {
        const title = AREAS[area];
        if (title === undefined) throw new Error(`errors-page.ts has no title for the area ${area}`);
        return [`## ${title}`, table(['code', 'meaning', 'what to do', 'used in'], names.map(rowOf))];
      }),
  ]);
}
