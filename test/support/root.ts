import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The checkout's root: the folder that holds package-lock.json, seen from the current directory upwards. */
export function repositoryRoot(): string {
  let folder = process.cwd();
  while (!existsSync(join(folder, 'package-lock.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package-lock.json at or above ${process.cwd()}`);
    folder = parent;
  }
  return folder;
}
