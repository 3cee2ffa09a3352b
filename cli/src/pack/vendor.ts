import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compileBundle } from '@portcullis/policy';
import type { Problem } from '@portcullis/policy/model';
import { replaceFile } from '../files/private-files.js';

/** A change of a source folder: what is in it afterwards, and which files to write and to delete. */
export interface SourceChange {
  readonly after: ReadonlyMap<string, Uint8Array>;
  readonly written: readonly string[];
  readonly deleted: readonly string[];
}

/** A source with other files below `folder`. */
export function withFolder(
  source: ReadonlyMap<string, Uint8Array>,
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
): Map<string, Uint8Array> {
  const after = new Map([...source].filter(([name]) => !name.startsWith(`${folder}/`)));
  for (const [name, bytes] of files) after.set(`${folder}/${name}`, bytes);
  return after;
}

/** What to do on disk so that `before` becomes `after`. */
export function changeOf(
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
): SourceChange {
  const same = (name: string, bytes: Uint8Array): boolean => {
    const old = before.get(name);
    return old !== undefined && Buffer.compare(old, bytes) === 0;
  };
  return {
    after,
    written: [...after].filter(([name, bytes]) => !same(name, bytes)).map(([name]) => name),
    deleted: [...before.keys()].filter((name) => !after.has(name)),
  };
}

/** The problems that a change brings: those that the source does not have already. */
export function newProblems(
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
): readonly Problem[] {
  const changed = compileBundle(after);
  if (changed.ok) return [];
  const compiled = compileBundle(before);
  const key = ({ code, file, path, message }: Problem): string => JSON.stringify([code, file, path, message]);
  const known = new Set(compiled.ok ? [] : compiled.problems.map(key));
  return changed.problems.filter((problem) => !known.has(key(problem)));
}

/** Carries a change out. `last` is written after everything else, so that it never speaks of what is not there. */
export async function applyChange(directory: string, change: SourceChange, last: readonly string[]): Promise<void> {
  const ordered = [
    ...change.written.filter((name) => !last.includes(name)),
    ...last.filter((name) => change.written.includes(name)),
  ];
  for (const name of ordered) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, change.after.get(name) ?? new Uint8Array(), 0o644);
  }
  for (const name of change.deleted) await rm(join(directory, name), { force: true });
}
