/** `portcullis hook` by itself, as agents run it. */

import { type CommandLineOptions, runCommandLine } from '../command-line.js';
import type { Terminal } from '../terminal.js';
import { addHookVerb } from '../verbs/hook.js';
import { BLOCKS, refusalFor } from './hook-answer.js';

/**
 * Runs it.
 * @returns 0 for an allow, for what was asked of the program itself (`--help`), and for a denial in words that its agent reads
 * only then; otherwise {@link BLOCKS}: agents pass over other failures and run the tool.
 */
export async function runHook(argv: readonly string[], options: CommandLineOptions): Promise<0 | typeof BLOCKS> {
  const { terminal } = options;
  let isAnswered = false;
  const heard: Terminal = {
    ...terminal,
    data(text) {
      isAnswered = true;
      terminal.data(text);
    },
  };
  const code = await runCommandLine(argv, { ...options, terminal: heard }, addHookVerb);
  if (code === 0) return 0;
  // Not every Copilot CLI takes a failed hook for a denial; all take the answer of one that succeeded. Of two answers none is read.
  if (isAnswered || !namesCopilot(argv)) return BLOCKS;
  const message = 'the hook failed; what it said on stderr tells why';
  const { json, exit } = refusalFor('copilot', {
    allowed: false,
    outcome: 'failed_closed',
    code: 'HOOK_FAILED',
    message,
  });
  options.terminal.data(JSON.stringify(json));
  return exit;
}

/** Read by itself: what failed may have been the reading of the others. */
function namesCopilot(argv: readonly string[]): boolean {
  return argv.some((word, at) => word === '--agent=copilot' || (word === '--agent' && argv[at + 1] === 'copilot'));
}
