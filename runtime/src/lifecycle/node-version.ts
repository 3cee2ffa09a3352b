/** What runs before anything is loaded: an old Node fails at the first thing that it lacks, and names that alone. */

/** The oldest major version; `engines` of the root's package.json (a test holds the two together). */
export const OLDEST_NODE = 24;

/** As much of `process` as this needs. */
export interface NodeProcess {
  /** `v26.10.0`. */
  readonly version: string;
  readonly execPath: string;
  readonly stderr: { write(text: string): unknown };
  exit(code: number): unknown;
}

/** Ends the process with 1, and says what is needed, where Node is too old. Import everything else after it, on demand. */
export function requireNode(node: NodeProcess = process): void {
  const major = Number(/^v(\d+)\./.exec(node.version)?.[1] ?? 0);
  if (major >= OLDEST_NODE) return;
  node.stderr.write(
    `Node ${OLDEST_NODE} or later is needed, and ${node.execPath} is ${node.version}: ` +
      'put another one first in PATH, such as node_modules/.bin of the checkout\n',
  );
  node.exit(1);
}
