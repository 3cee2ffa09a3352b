import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';

/** A line of a chain, or what is left of one. */
export interface ChainLine {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly text: string;
  /** Whether the file ends without ending the line. */
  readonly torn: boolean;
  /** Bytes of the file before the line's end, the end included. */
  readonly offset: number;
}

const NEWLINE = 0x0a;

/**
 * The segments below a path in the order of their records; a path to a file is that file.
 * @throws PortcullisError `ERR_CLI_SOURCE` when there is no such path, or no segment in it.
 */
export async function chainFiles(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const files = (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort();
    if (files.length > 0) return files.map((name) => join(path, name));
  } catch (cause) {
    throw unreadable(`${path} cannot be read: expected the audit folder of a PDP, or one of its segments`, cause);
  }
  throw unreadable(`${path} holds no segment: expected the audit folder of a PDP, with *.jsonl files`);
}

/**
 * The lines of a file from an offset on, as they are now.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read.
 */
export async function* readLines(file: string, from = 0): AsyncGenerator<ChainLine> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  let offset = from;
  try {
    for await (const chunk of createReadStream(file, { start: from }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        line += 1;
        offset += end - start + 1;
        yield { file, line, text: bytes.toString('utf8', start, end), torn: false, offset };
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
  } catch (cause) {
    throw unreadable(`${file} cannot be read`, cause);
  }
  if (rest.length > 0) yield { file, line: line + 1, text: rest.toString('utf8'), torn: true, offset };
}

/** A fault about a path that the user gave. */
export function unreadable(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, cause === undefined ? {} : { cause });
}

/** The signed note that an exported chain carries on a line of its own; `undefined` for every other line. */
export function checkpointOn(text: string): string | undefined {
  if (!text.startsWith('{"checkpoint":')) return undefined;
  try {
    const { checkpoint, ...more } = JSON.parse(text) as { readonly checkpoint: unknown };
    return typeof checkpoint === 'string' && Object.keys(more).length === 0 ? checkpoint : undefined;
  } catch {
    return undefined;
  }
}
