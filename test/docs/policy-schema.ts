import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { policyJsonSchema } from '@portcullis/policy';
import type { Page } from './page.js';

/** `proto/schema/policy.schema.json`, in the checkout's own formatting. */
export function policySchemaFile(root: string): Page {
  const path = 'proto/schema/policy.schema.json';
  const formatter = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const { status, stdout, stderr } = spawnSync(process.execPath, [formatter, 'format', `--stdin-file-path=${path}`], {
    cwd: root,
    input: JSON.stringify(policyJsonSchema(), null, 2),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${path} could not be formatted: ${stderr}`);
  return { path, text: stdout };
}
