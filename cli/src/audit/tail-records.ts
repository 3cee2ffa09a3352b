import { setTimeout as sleep } from 'node:timers/promises';
import { chainFiles, readLines } from './chain-files.js';

/** What to print. */
export interface TailOptions {
  /** Records from before the start. */
  readonly lines: number;
  /** Whether to go on with what comes, until the signal aborts. */
  readonly follow: boolean;
  readonly pollMs: number;
  readonly signal: AbortSignal;
}

/**
 * The last lines of a chain, then the ones that are added, across segments.
 * @throws PortcullisError `ERR_CLI_SOURCE` when the path cannot be read.
 */
export async function* tailRecords(path: string, options: TailOptions): AsyncGenerator<string> {
  const { file, offset, lines } = await lastLines(path, options.lines);
  yield* lines;
  let current = file;
  let from = offset;
  while (options.follow && (await pause(options))) {
    // Listed before the current file is read to its end: then nothing can be added to it any more once there is a next.
    const files = await chainFiles(path);
    for await (const line of readLines(current, from)) {
      if (line.torn) break;
      from = line.offset;
      yield line.text;
    }
    const next = files.find((name) => name > current);
    if (next === undefined) continue;
    current = next;
    from = 0;
  }
}

async function lastLines(
  path: string,
  wanted: number,
): Promise<{ readonly file: string; readonly offset: number; readonly lines: readonly string[] }> {
  const files = await chainFiles(path);
  const file = files.at(-1) ?? path;
  let offset = 0;
  let lines: string[] = [];
  for (const name of files.toReversed()) {
    const own: string[] = [];
    for await (const line of readLines(name)) {
      if (line.torn) break;
      if (name === file) offset = line.offset;
      own.push(line.text);
      if (own.length > wanted) own.shift();
    }
    lines = [...own, ...lines].slice(Math.max(0, own.length + lines.length - wanted));
    if (lines.length >= wanted) break;
  }
  return { file, offset, lines };
}

async function pause({ pollMs, signal }: TailOptions): Promise<boolean> {
  try {
    await sleep(pollMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
