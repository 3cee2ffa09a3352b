import { join } from 'node:path';
import { formatProblem, type Problem, sortProblems } from '@portcullis/policy/model';
import { EXIT } from './exit-codes.js';
import { printJson, type Shell } from './shell.js';

/**
 * Prints problems as `file:line:column path: message (CODE)`, with `json` also on stdout, and sets exit code 3.
 * @param options.directory what the problems' files are relative to, so that editors can open what is printed
 */
export function reportProblems(
  shell: Shell,
  problems: readonly Problem[],
  options: { readonly json: boolean; readonly what: string; readonly directory?: string },
): void {
  const { directory } = options;
  const sorted = sortProblems(directory === undefined ? problems : placedIn(directory, problems));
  if (options.json) printJson(shell, { ok: false, problems: sorted });
  for (const problem of sorted) shell.terminal.say(formatProblem(problem), 'bad');
  shell.terminal.say(`${options.what}: ${sorted.length} problem${sorted.length === 1 ? '' : 's'}`, 'bad');
  shell.exit(EXIT.policyInvalid);
}

/** The same problems, in files as they are named from outside of the directory. */
export function placedIn(directory: string, problems: readonly Problem[]): readonly Problem[] {
  return problems.map((problem) =>
    problem.file === undefined ? problem : { ...problem, file: join(directory, problem.file) },
  );
}

/** The same problems; those without a file are of this one. */
export function inFile(file: string, problems: readonly Problem[]): readonly Problem[] {
  return problems.map((problem) => ({ file, ...problem }));
}
