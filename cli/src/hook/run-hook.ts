/** `portcullis hook` by itself, as agents run it. */

import { type CommandLineOptions, runCommandLine } from '../command-line.js';
import { addHookVerb } from '../verbs/hook.js';
import { BLOCKS } from './hook-answer.js';

/**
 * Runs it.
 * @returns 0 for an allow and for what was asked of the program itself (`--help`), otherwise {@link BLOCKS}: agents pass
 * over other failures and run the tool.
 */
export async function runHook(argv: readonly string[], options: CommandLineOptions): Promise<0 | typeof BLOCKS> {
  const code = await runCommandLine(argv, options, addHookVerb);
  return code === 0 ? 0 : BLOCKS;
}
