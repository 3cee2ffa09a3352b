/**
 * Which Node the programs run on. Imports nothing, so that it loads on any: an older Node fails while it loads something else, in
 * words about that.
 */

/** The oldest, as `engines` of package.json says. */
export const LEAST_NODE = 24;

/**
 * What to tell who runs `program` on a Node that is too old; nothing on any other.
 * @param running default: the version that runs this
 */
export function nodeTooOld(program: string, running: string = process.versions.node): string | undefined {
  if (Number.parseInt(running, 10) >= LEAST_NODE) return undefined;
  return `${program} needs Node ${LEAST_NODE} or later, and this is ${running}. The npm scripts of the repository bring their own.`;
}

/**
 * Ends the process with `exitCode` on a Node that is too old. For the first line of a program, before it loads anything else.
 * @param program as who runs it calls it
 */
export function requireNode(program: string, exitCode: number): void {
  const problem = nodeTooOld(program);
  if (problem === undefined) return;
  process.stderr.write(`${problem}\n`);
  process.exit(exitCode);
}
