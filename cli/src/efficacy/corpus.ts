/** Labelled data as it lies in a folder: JSON Lines, plain or gzipped. It is read, never kept. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { JsonObject } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';

/** No file is larger once unpacked, in bytes. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

/** The rows of every `*.jsonl` and `*.jsonl.gz` in `<data>/<kind>`, or in `data` itself when it has no such folder. */
export async function readCorpus(data: string, kind: string): Promise<readonly JsonObject[]> {
  const inner = join(data, kind);
  const folder = (await namesIn(inner)).length > 0 ? inner : data;
  const names = await namesIn(folder);
  if (names.length === 0) {
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `--data: no *.jsonl or *.jsonl.gz in ${inner} or ${data}`);
  }
  const files = await Promise.all(names.map(async (name) => readRows(join(folder, name))));
  return files.flat();
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /\.jsonl(?:\.gz)?$/.test(name)).toSorted();
}

async function readRows(file: string): Promise<readonly JsonObject[]> {
  const raw = await readFile(file);
  const bytes = file.endsWith('.gz') ? await promisify(gunzip)(raw, { maxOutputLength: MAX_FILE_BYTES }) : raw;
  const lines = bytes.toString('utf8').split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as JsonObject];
    } catch (cause) {
      throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `${file}:${index + 1}: not JSON`, { cause });
    }
  });
}

/** A text of a row. @throws PortcullisError when there is none: what cannot be read is not scored. */
export function textOf(row: JsonObject, field: string): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `a row of the data has no text ${JSON.stringify(field)}`);
}
