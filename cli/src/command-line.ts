/** What every command line has in common, whichever verbs it knows. */

import { type Clock, PortcullisError, systemClock } from '@portcullis/runtime';
import { Command, CommanderError } from 'commander';
import { EXIT, EXIT_MEANINGS, type ExitCode, exitCodeOf } from './exit-codes.js';
import { printableLines } from './printable.js';
import type { Shell } from './shell.js';
import type { Terminal } from './terminal.js';
import { CLI_VERSION } from './version.js';

/** What a command line runs with. */
export interface CommandLineOptions {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** The program without its verbs, bound to a shell. */
export function createProgram(shell: Shell): Command {
  return new Command('portcullis')
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
}

/**
 * Runs one command line to its end and says how the process should exit. Never throws: whatever a verb throws is printed.
 * @param argv the arguments after the program's name
 */
export async function runCommandLine(
  argv: readonly string[],
  options: CommandLineOptions,
  addVerbs: (program: Command, shell: Shell) => void,
): Promise<ExitCode> {
  const { signal } = options;
  const terminal = unmoved(options.terminal);
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
    const program = createProgram(shell);
    addVerbs(program, shell);
    await program.parseAsync([...argv], { from: 'user' });
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

/** What is said quotes servers, files and arguments: a terminal shows it and does not obey it. */
function unmoved(terminal: Terminal): Terminal {
  return { ...terminal, say: (text, tone) => terminal.say(printableLines(text), tone) };
}
