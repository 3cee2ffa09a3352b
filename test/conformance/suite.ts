/** Runs the public MCP conformance suite as a process of its own and reads what it found. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../support/child-process.js';
import { repositoryRoot } from '../support/root.js';

/** Revisions whose requirement sets the suite ships; each runs at its own wire version. */
export const REVISIONS = ['2025-11-25', '2026-07-28'] as const;
/** Revisions before there were requirement sets: everything that applies to them. */
export const OLDER_REVISIONS = ['2025-03-26', '2025-06-18'] as const;
/** One of them. */
export type Revision = (typeof REVISIONS)[number] | (typeof OLDER_REVISIONS)[number];

/** What one check came to. */
export interface Check {
  /** `<scenario> <check id>`, with ` #n` for the n-th of the same id. */
  readonly name: string;
  readonly status: string;
  /** Why, for people. */
  readonly because: string;
}

/** What one run found, scenario by scenario. */
export interface SuiteResult {
  readonly scenarios: number;
  readonly checks: readonly Check[];
  readonly seconds: number;
}

/** Where two runs differ; `absent` where a run has no such check. */
export interface Difference {
  readonly check: string;
  readonly direct: string;
  readonly through: string;
  /** What the suite said of both, for people. */
  readonly because: string;
}

interface WrittenCheck {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

const CLI = join(repositoryRoot(), 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');

/**
 * Runs everything that a revision requires or lets be reported, or one scenario of it.
 * @throws Error with the suite's output when it ran no scenario
 */
export async function runSuite(url: string, revision: Revision, scenario?: string): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-mcp-suite-'));
  const set: readonly string[] = REVISIONS;
  const all = set.includes(revision) ? ['--requirements', revision] : ['--suite', 'all', '--spec-version', revision];
  // Scenarios of extensions belong to no revision, so one that is asked for by name has to be forced.
  const one = ['--scenario', scenario ?? '', '--spec-version', revision, '--force'];
  const which = scenario === undefined ? all : one;
  const begun = performance.now();
  try {
    // Exits with 1 when a check fails, which is for the comparison to judge.
    const running = startProcess(process.execPath, [CLI, 'server', '--url', url, '--output-dir', folder, ...which]);
    await running.exited;
    const reports = readdirSync(folder).sort();
    if (reports.length === 0) throw new Error(`the conformance suite found nothing:\n${running.output()}`);
    const checks = reports.flatMap((report) => readReport(folder, report));
    return { scenarios: reports.length, checks, seconds: (performance.now() - begun) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Check by check: what is not the same in both. */
export function compare(direct: SuiteResult, through: SuiteResult): readonly Difference[] {
  const before = new Map(direct.checks.map((check) => [check.name, check]));
  const after = new Map(through.checks.map((check) => [check.name, check]));
  const differences: Difference[] = [];
  for (const check of new Set([...before.keys(), ...after.keys()])) {
    const [a, b] = [before.get(check), after.get(check)];
    if (a?.status === b?.status) continue;
    differences.push({
      check,
      direct: a?.status ?? 'absent',
      through: b?.status ?? 'absent',
      because: [a?.because, b?.because].filter((text) => text !== undefined && text !== '').join(' | '),
    });
  }
  return differences;
}

/** A report's folder is `server-<scenario>-<ISO time>`. */
const TIME = /-([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9-]+Z)$/;

function readReport(folder: string, report: string): readonly Check[] {
  const scenario = report.replace(TIME, '').replace(/^server-/, '');
  const file = join(folder, report, 'checks.json');
  // A scenario that threw leaves its folder empty.
  if (!existsSync(file)) return [{ name: `${scenario} itself`, status: 'CRASHED', because: 'no report' }];
  const written = JSON.parse(readFileSync(file, 'utf8')) as readonly WrittenCheck[];
  const seen = new Map<string, number>();
  return written.map(({ id, status, errorMessage }) => {
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return { name: `${scenario} ${id}${count === 1 ? '' : ` #${count}`}`, status, because: errorMessage ?? '' };
  });
}
