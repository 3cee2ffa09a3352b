import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

/** Small policy directories. For tests. */

/** The manifest of a bundle with one set. */
export const MANIFEST = `format: portcullis.policy/1
name: sample
version: 1.0.0
sets:
  - { name: base, layer: platform, combining: priority, priority_order: desc, policies: base }
`;
/** One test, of {@link READS}. */
export const TESTS = `format: portcullis.tests/1
suite: All
now: 2026-03-02T09:30:00Z
tests:
  - name: Reads are allowed
    request: { tool: { name: read_file }, user: { team: a } }
    expect: allow
`;
/** An allow. */
export const READS = `name: Reads
when: { field: tool.name, operator: equals, value: read_file }
effect: allow
priority: 50
`;
/** A denial that can never hold. */
export const NEVER = `name: Never
when:
  operator: and
  conditions:
    - { field: user.team, operator: equals, value: a }
    - { field: user.team, operator: equals, value: b }
effect: deny
priority: 90
`;

/** Files by path. */
export type Files = Readonly<Record<string, string>>;

/** Runs a test in a folder of its own with these files. */
export async function inFolder(files: Files, body: (at: (path: string) => string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), text);
  }
  await body((path) => join(folder.path, path));
}

/** A policy directory without findings. */
export const GOOD: Files = { 'p/bundle.yaml': MANIFEST, 'p/base/reads.yaml': READS, 'p/tests/all.yaml': TESTS };
/** The same with {@link NEVER}. */
export const BAD: Files = { ...GOOD, 'p/base/never.yaml': NEVER };
