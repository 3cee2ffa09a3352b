import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Page } from './page.js';

/** A JSON file in the checkout's own formatting. */
export function formattedJson(root: string, path: string, value: unknown): Page {
  const formatter = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const { status, stdout, stderr } = spawnSync(process.execPath, [formatter, 'format', `--stdin-file-path=${path}`], {
    cwd: root,
    input: JSON.stringify(value, null, 2),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${path} could not be formatted: ${stderr}`);
  return { path, text: stdout };
}
