/**
 * From the root that the operator pinned to the newest one that was accepted: every step is kept, and walked anew each
 * time with all its signatures. So whoever can write to the data directory still cannot put a root of their own there.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checked } from '@portcullis/policy/model';
import { openTrustedRoot, verifyNextRoot } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { writeDurably } from './durable-file.js';

/** The root to trust now. */
export interface TrustedRoot {
  readonly metadata: Extract<ReturnType<typeof openTrustedRoot>, { ok: true }>['value'];
  readonly bytes: Uint8Array;
}

/**
 * Walks from `pinnedRoot` over the steps in `rootsDir` as far as they verify.
 * @throws PortcullisError kind `invalid` when the pinned root itself is not usable.
 */
export async function walkRoots(pinnedRoot: Uint8Array, rootsDir: string): Promise<TrustedRoot> {
  const pinned = openTrustedRoot(pinnedRoot);
  if (!pinned.ok) throw new PortcullisError('ERR_BUNDLE_ROOT', 'invalid', problemOf(pinned));
  let trusted: TrustedRoot = { metadata: pinned.value, bytes: pinnedRoot };
  for (;;) {
    const bytes = await readFile(stepFile(rootsDir, trusted.metadata.signed.version + 1)).catch(() => undefined);
    const next = bytes === undefined ? undefined : verifyNextRoot(trusted.metadata, bytes);
    // A step that is missing or damaged is downloaded again from here on.
    if (bytes === undefined || next?.ok !== true) return trusted;
    trusted = { metadata: next.value, bytes };
  }
}

/** Keeps the steps up to and including `version`, which have been accepted. */
export async function keepRoots(
  rootsDir: string,
  roots: ReadonlyMap<number, Uint8Array>,
  version: number,
): Promise<void> {
  for (const [step, bytes] of roots) if (step <= version) await writeDurably(stepFile(rootsDir, step), bytes);
}

function stepFile(rootsDir: string, version: number): string {
  return join(rootsDir, `${version}.root.json`);
}

function problemOf(refused: Extract<Checked<unknown>, { ok: false }>): string {
  return refused.problems[0]?.message ?? 'the pinned root is not usable';
}
