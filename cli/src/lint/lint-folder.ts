import { stat } from 'node:fs/promises';
import { type BundleDocument, compileBundle, type RuleIr } from '@portcullis/policy';
import {
  commonFindings,
  compareFindings,
  findingOf,
  LINT_RULES,
  type LintFinding,
  type LintReport,
  type LintSettings,
  type Locate,
  lintBundle,
  readLintSettings,
} from '@portcullis/policy/analysis';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Checked } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readBundleFile } from '../bundle/load-engine.js';
import { readSource } from '../bundle/read-source.js';
import { computeCoverage } from '../testing/coverage.js';
import { fileInPack, readSubjects, type Subject } from '../testing/subject.js';

const MANIFEST = 'bundle.yaml';

/** What lint found in a folder or a bundle. */
export interface LintResult extends LintReport {
  /** Findings that `bundle.yaml` excepts, with the reasons that it gives. */
  readonly ignored: readonly { readonly finding: LintFinding; readonly reason: string }[];
}

/**
 * Lints a policy folder, a pack, or a bundle file. A folder's tests are looked at too: a policy that none of them makes
 * speak is a finding.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read
 */
export async function lintPath(path: string): Promise<Checked<LintResult>> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${path} does not exist: expected a policy directory, a pack or a bundle`;
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
  });
  return found.isDirectory() ? lintFolder(path) : lintFile(path);
}

async function lintFile(path: string): Promise<Checked<LintResult>> {
  const unpacked = await unpackBundle(await readBundleFile(path));
  if (!unpacked.ok) return unpacked;
  const compiled = compileBundle(unpacked.value);
  if (!compiled.ok) return compiled;
  return { ok: true, value: { ...lintBundle(compiled.value), ignored: [] } };
}

async function lintFolder(directory: string): Promise<Checked<LintResult>> {
  const files = await readSource(directory);
  const subjects = await readSubjects(files);
  if (!subjects.ok) return subjects;
  const reports = subjects.value.map((subject) => {
    const locate = locatorOf(subject.document);
    return lintBundle(subject.compiled, { locate, manifest: MANIFEST });
  });
  // The subjects of a pack are one set of policies with other parameters each.
  const rules = subjects.value.flatMap(({ compiled }) => compiled.sets.flatMap((set) => set.rules));
  const common = commonFindings(
    reports.flatMap(({ findings }) => findings),
    rules,
  );
  const all = [...common.map(inPack), ...untested(subjects.value)];
  const findings = [
    ...new Map(all.map((one) => [`${one.code} ${one.file}:${one.line}:${one.column} ${one.message}`, one])).values(),
  ];
  const manifest = files.get(MANIFEST);
  const settings = manifest === undefined ? { ignore: [], lines: [] } : readLintSettings(MANIFEST, manifest);
  const { kept, ignored } = applySettings(findings, settings);
  return {
    ok: true,
    value: {
      findings: kept.toSorted(compareFindings),
      ignored,
      rules: Math.max(0, ...reports.map(({ rules }) => rules)),
      undecided: undecidedOf(reports),
    },
  };
}

function undecidedOf(reports: readonly LintReport[]): LintReport['undecided'] {
  const all = reports.flatMap(({ undecided }) => undecided.map((one) => ({ ...one, file: fileInPack(one.file) })));
  return [...new Map(all.map((one) => [`${one.file}:${one.line} ${one.policy}`, one])).values()];
}

/** Finds places through the source documents that a bundle was compiled from. */
function locatorOf(document: BundleDocument): Locate {
  const sources = new Map<string, BundleDocument['sets'][number]['policies'][number]>();
  for (const set of document.sets) {
    for (const source of set.policies) {
      const [line, column] = source.at('') ?? [1, 1];
      sources.set(`${source.file}:${line}:${column}`, source);
    }
  }
  return (rule: RuleIr, path: string) => sources.get(`${rule.file}:${rule.line}:${rule.column}`)?.at(path);
}

function inPack(finding: LintFinding): LintFinding {
  return {
    ...finding,
    file: fileInPack(finding.file),
    related: finding.related.map((other) => ({ ...other, file: fileInPack(other.file) })),
  };
}

/** Policies that no test made speak. */
function untested(subjects: readonly Subject[]): readonly LintFinding[] {
  const inputs = subjects.map(({ compiled, suites }) => ({
    compiled,
    requests: suites.flatMap(({ cases }) =>
      cases.filter(({ skip }) => skip === undefined).map(({ request }) => request),
    ),
  }));
  const none = inputs.every(({ requests }) => requests.length === 0);
  // A policy of a pack has a row for each way in which its parameters are filled; one of them is enough.
  const tested = new Set(
    computeCoverage(inputs)
      .perRule.filter(({ matched }) => matched)
      .map((rule) => `${rule.set} ${rule.policy}`),
  );
  return subjects.flatMap(({ compiled, document }) => {
    const locate = locatorOf(document);
    return compiled.sets.flatMap((set) =>
      set.rules
        .filter((rule) => !tested.has(`${set.name} ${rule.id}`))
        .map((rule) => {
          const message = none
            ? `"${rule.name}" has no test: there are no suites in tests/`
            : `no test makes "${rule.name}" speak`;
          return inPack(findingOf(rule, set, { code: 'LINT_UNTESTED', message }, locate));
        }),
    );
  });
}

function applySettings(
  findings: readonly LintFinding[],
  { ignore, lines }: LintSettings,
): { readonly kept: readonly LintFinding[]; readonly ignored: LintResult['ignored'] } {
  const used = new Set<number>();
  const kept: LintFinding[] = [];
  const ignored: LintResult['ignored'][number][] = [];
  for (const finding of findings) {
    const index = ignore.findIndex(
      ({ code, policy }) => code === finding.code && (policy === undefined || policy === finding.policy),
    );
    const entry = ignore[index];
    if (entry === undefined) kept.push(finding);
    else {
      used.add(index);
      ignored.push({ finding, reason: entry.reason });
    }
  }
  for (const [index, { code, policy }] of ignore.entries()) {
    if (used.has(index)) continue;
    const { severity, fix } = LINT_RULES.LINT_IGNORE_UNUSED;
    kept.push({
      code: 'LINT_IGNORE_UNUSED',
      severity,
      message: `nothing has the finding ${code}${policy === undefined ? '' : ` of ${policy}`} any more`,
      suggestion: fix,
      path: `lint.ignore[${index}]`,
      file: MANIFEST,
      line: lines[index] ?? 1,
      column: 1,
      related: [],
    });
  }
  return { kept, ignored };
}
