import { type Clock, PortcullisError, systemClock } from '@portcullis/runtime';
import { Command, CommanderError } from 'commander';
import { addEfficacyScans } from './efficacy/scans.js';
import { EXIT, EXIT_MEANINGS, type ExitCode, exitCodeOf } from './exit-codes.js';
import type { Shell } from './shell.js';
import type { Terminal } from './terminal.js';
import { addApprovalVerbs } from './verbs/approvals.js';
import { addAuditVerbs } from './verbs/audit.js';
import { addBenchVerb } from './verbs/bench.js';
import { addBundleVerbs } from './verbs/bundle.js';
import { addDiffVerb } from './verbs/diff.js';
import { addEvalVerbs } from './verbs/eval.js';
import { addFmtVerb } from './verbs/fmt.js';
import { addGrantVerbs } from './verbs/grants.js';
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
import { addTrustVerbs } from './verbs/trust.js';
import { addValidateVerb } from './verbs/validate.js';
import { CLI_VERSION } from './version.js';

export { CLI_VERSION } from './version.js';

/** The whole command tree, bound to a shell. Parsing it runs the verb. */
export function buildProgram(shell: Shell): Command {
  const program = new Command('portcullis')
    .description("Portcullis: the policy author's and operator's tool")
    .version(CLI_VERSION)
    .helpCommand(false)
    .showHelpAfterError('(add --help for usage and examples)')
    .configureOutput({
      getOutHelpWidth: () => shell.terminal.width,
      getErrHelpWidth: () => shell.terminal.width,
      writeOut: (text) => shell.terminal.data(text.trimEnd()),
      writeErr: (text) => shell.terminal.say(text.trimEnd()),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `\nExit codes:\n${EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`).join('\n')}\n\n` +
        'Data goes to stdout, progress and problems to stderr. NO_COLOR is honoured.',
    );
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
  addRiskVerbs(program, shell);
  addEfficacyScans(program, shell);
  return program;
}

/**
 * Runs one command line to its end and says how the process should exit. Never throws: whatever a verb throws is printed.
 * @param argv the arguments after the program's name
 */
export async function runCli(
  argv: readonly string[],
  options: { readonly terminal: Terminal; readonly signal: AbortSignal; readonly clock?: Clock },
): Promise<ExitCode> {
  const { terminal, signal } = options;
  let code: ExitCode = EXIT.ok;
  const shell: Shell = {
    terminal,
    signal,
    clock: options.clock ?? systemClock,
    exit: (wanted) => {
      code = wanted;
    },
  };
  try {
    await buildProgram(shell).parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // `portcullis release` alone prints help as an error; asked-for help and --version end with 0.
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    if (signal.aborted) {
      terminal.say('interrupted', 'warning');
      return EXIT.interrupted;
    }
    const fault = PortcullisError.from(error, 'ERR_CLI_FAILED');
    terminal.say(`${fault.message} (${fault.code})`, 'bad');
    return exitCodeOf(fault);
  }
}
