import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from './page.js';
import { filesBelow } from './wire-types.js';

/** Differing lines that are shown of one file. */
const SHOWN_LINES = 3;

/**
 * How the checkout differs from what would be generated, as text for people; empty when it does not.
 * @param folders whose every file must be generated: what else lies there describes something that is gone.
 */
export function drift(root: string, pages: readonly Page[], folders: readonly string[]): readonly string[] {
  const expected = new Set(pages.map(({ path }) => path));
  const strays = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => filesBelow(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => !expected.has(path))
    .map((path) => `${path}: is not generated any more; delete it`);
  return [...pages.flatMap((page) => differences(root, page)), ...strays];
}

function differences(root: string, { path, text }: Page): readonly string[] {
  const file = join(root, path);
  if (!existsSync(file)) return [`${path}: is missing`];
  const found = readFileSync(file, 'utf8');
  if (found === text) return [];
  const [have, want] = [found.split('\n'), text.split('\n')];
  const longer = Math.max(have.length, want.length);
  const changed = Array.from({ length: longer }, (_, index) => index).filter((index) => have[index] !== want[index]);
  const lines = changed
    .slice(0, SHOWN_LINES)
    .map((at) => `  line ${at + 1}\n    is     ${have[at] ?? '(nothing)'}\n    ought  ${want[at] ?? '(nothing)'}`);
  return [[`${path}: differs`, ...lines].join('\n')];
}
