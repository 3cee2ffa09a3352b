/** The command line as a process runs it: a verb loads what it needs, and nothing of the others. */

import type { Command } from 'commander';
import { type CommandLineOptions, runCommandLine } from './command-line.js';
import type { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

type AddVerbs = (program: Command, shell: Shell) => void;

/** By the first word; a test holds it and the whole program equal. */
export const VERB_GROUPS: Readonly<Record<string, () => Promise<AddVerbs>>> = {
  approvals: async () => (await import('./verbs/approvals.js')).addApprovalVerbs,
  audit: async () => (await import('./verbs/audit.js')).addAuditVerbs,
  bench: async () => (await import('./verbs/bench.js')).addBenchVerb,
  build: async () => (await import('./verbs/bundle.js')).addBundleVerbs,
  decisions: async () => (await import('./verbs/decisions.js')).addDecisionsVerbs,
  diff: async () => (await import('./verbs/diff.js')).addDiffVerb,
  efficacy: async () => {
    const [replay, scans] = await Promise.all([import('./efficacy/replay-verb.js'), import('./efficacy/scans.js')]);
    return (program, shell) => {
      replay.addEfficacyReplay(program, shell);
      scans.addEfficacyScans(program, shell);
    };
  },
  eval: async () => (await import('./verbs/eval.js')).addEvalVerbs,
  explain: async () => (await import('./verbs/eval.js')).addEvalVerbs,
  fmt: async () => (await import('./verbs/fmt.js')).addFmtVerb,
  grants: async () => (await import('./verbs/grants.js')).addGrantVerbs,
  hook: async () => (await import('./verbs/hook.js')).addHookVerb,
  init: async () => (await import('./verbs/init.js')).addInitVerb,
  inspect: async () => (await import('./verbs/bundle.js')).addBundleVerbs,
  kill: async () => (await import('./verbs/kill.js')).addKillVerbs,
  lint: async () => (await import('./verbs/lint.js')).addLintVerb,
  pack: async () => (await import('./verbs/pack.js')).addPackVerbs,
  pki: async () => (await import('./verbs/pki.js')).addPkiVerbs,
  quota: async () => (await import('./verbs/quota.js')).addQuotaVerbs,
  release: async () => (await import('./verbs/release.js')).addReleaseVerbs,
  reviews: async () => (await import('./verbs/reviews.js')).addReviewVerbs,
  risk: async () => (await import('./verbs/risk.js')).addRiskVerbs,
  test: async () => (await import('./verbs/test.js')).addTestVerb,
  tools: async () => (await import('./verbs/tools.js')).addToolVerbs,
  trust: async () => (await import('./verbs/trust.js')).addTrustVerbs,
  validate: async () => (await import('./verbs/validate.js')).addValidateVerb,
};

/**
 * Runs one command line to its end, as `runCli` does. Help, and words that are no verb, take the whole program.
 * @param argv the arguments after the program's name
 */
export async function runLazily(argv: readonly string[], options: CommandLineOptions): Promise<ExitCode> {
  const [first = ''] = argv;
  if (argv.length === 1 && (first === '--version' || first === '-V')) {
    return runCommandLine(argv, options, () => undefined);
  }
  const load = Object.hasOwn(VERB_GROUPS, first) ? VERB_GROUPS[first] : undefined;
  if (load !== undefined) return runCommandLine(argv, options, await load());
  const { runCli } = await import('./program.js');
  return runCli(argv, options);
}
