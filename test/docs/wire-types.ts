import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from './page.js';

/** The folder that `proto/generate.mjs` owns. */
export const WIRE_TYPES_FOLDER = 'proto/src/gen';

/** What `proto/generate.mjs` makes of the .proto files now. It runs into a temporary folder; nothing is overwritten. */
export function wireTypeFiles(root: string): readonly Page[] {
  const out = mkdtempSync(join(tmpdir(), 'portcullis-gen-'));
  try {
    execFileSync(process.execPath, [join(root, 'proto', 'generate.mjs'), '--out', out], { stdio: 'inherit' });
    return filesBelow(out).map((name) => ({
      path: `${WIRE_TYPES_FOLDER}/${name}`,
      text: readFileSync(join(out, name), 'utf8'),
    }));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Names of all files below a folder, with forward slashes, sorted. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .toSorted();
}
