import type { Command } from 'commander';
import { type CommandLineOptions, createProgram, runCommandLine } from './command-line.js';
import { addEfficacyReplay } from './efficacy/replay-verb.js';
import { addEfficacyScans } from './efficacy/scans.js';
import type { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';
import { addApprovalVerbs } from './verbs/approvals.js';
import { addAuditVerbs } from './verbs/audit.js';
import { addBenchVerb } from './verbs/bench.js';
import { addBundleVerbs } from './verbs/bundle.js';
import { addDecisionsVerbs } from './verbs/decisions.js';
import { addDiffVerb } from './verbs/diff.js';
import { addEvalVerbs } from './verbs/eval.js';
import { addFmtVerb } from './verbs/fmt.js';
import { addGrantVerbs } from './verbs/grants.js';
import { addHookVerb } from './verbs/hook.js';
import { addInitVerb } from './verbs/init.js';
import { addKillVerbs } from './verbs/kill.js';
import { addLintVerb } from './verbs/lint.js';
import { addPackVerbs } from './verbs/pack.js';
import { addPkiVerbs } from './verbs/pki.js';
import { addQuotaVerbs } from './verbs/quota.js';
import { addReleaseVerbs } from './verbs/release.js';
import { addReviewVerbs } from './verbs/reviews.js';
import { addRiskVerbs } from './verbs/risk.js';
import { addTestVerb } from './verbs/test.js';
import { addToolVerbs } from './verbs/tools.js';
import { addTrustVerbs } from './verbs/trust.js';
import { addValidateVerb } from './verbs/validate.js';

export { CLI_VERSION } from './version.js';

/** The whole command tree, bound to a shell. Parsing it runs the verb. */
export function buildProgram(shell: Shell): Command {
  const program = createProgram(shell);
  addVerbs(program, shell);
  return program;
}

/**
 * Runs one command line to its end and says how the process should exit. Never throws: whatever a verb throws is printed.
 * @param argv the arguments after the program's name
 */
export function runCli(argv: readonly string[], options: CommandLineOptions): Promise<ExitCode> {
  return runCommandLine(argv, options, addVerbs);
}

function addVerbs(program: Command, shell: Shell): void {
  addPkiVerbs(program, shell);
  addTrustVerbs(program, shell);
  addInitVerb(program, shell);
  addValidateVerb(program, shell);
  addLintVerb(program, shell);
  addFmtVerb(program, shell);
  addBundleVerbs(program, shell);
  addEvalVerbs(program, shell);
  addTestVerb(program, shell);
  addBenchVerb(program, shell);
  addDiffVerb(program, shell);
  addPackVerbs(program, shell);
  addReleaseVerbs(program, shell);
  addApprovalVerbs(program, shell);
  addGrantVerbs(program, shell);
  addKillVerbs(program, shell);
  addQuotaVerbs(program, shell);
  addReviewVerbs(program, shell);
  addAuditVerbs(program, shell);
  addDecisionsVerbs(program, shell);
  addRiskVerbs(program, shell);
  addToolVerbs(program, shell);
  addHookVerb(program, shell);
  addEfficacyReplay(program, shell);
  addEfficacyScans(program, shell);
}
