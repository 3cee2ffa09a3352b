import { sha256Hex } from '@portcullis/policy';
import { PortcullisError } from '@portcullis/runtime';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

/** The file that remembers what was vendored, beside `bundle.yaml`. */
export const LOCK_FILE = 'packs.lock';
const LOCK_FORMAT = 'portcullis.packs-lock/1';

const lockShape = z.strictObject({
  format: z.literal(LOCK_FORMAT),
  packs: z.record(
    z.string(),
    z.strictObject({
      name: z.string(),
      version: z.string(),
      origin: z.string(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
/** What was vendored into one folder. */
export type LockEntry = z.output<typeof lockShape>['packs'][string];
/** What was vendored, by folder. */
export type PackLock = { readonly [folder: string]: LockEntry };

/**
 * Reads the lock of a source; empty when there is none.
 * @throws PortcullisError `ERR_PACK_LOCK` when it is not one
 */
export function readLock(files: ReadonlyMap<string, Uint8Array>): PackLock {
  const bytes = files.get(LOCK_FILE);
  if (bytes === undefined) return {};
  const refuse = (cause: unknown): never => {
    throw new PortcullisError(
      'ERR_PACK_LOCK',
      'invalid',
      `${LOCK_FILE} is not the lock of vendored packs: restore it, or delete it and add the packs again with --force`,
      { cause },
    );
  };
  let written: unknown;
  try {
    written = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    refuse(error);
  }
  const parsed = lockShape.safeParse(written);
  return parsed.success ? parsed.data.packs : refuse(parsed.error);
}

/** The text of a lock. */
export function writeLock(lock: PackLock): string {
  const packs = Object.fromEntries(Object.entries(lock).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const notice = '# Written by "portcullis pack": tells changes of your own in vendored packs from upgrades.\n';
  return notice + stringify({ format: LOCK_FORMAT, packs }, { lineWidth: 0 });
}

/** The digest of a pack's files: their names and bytes, whatever the order. */
export function packDigest(files: ReadonlyMap<string, Uint8Array>): string {
  const lines = [...files].map(([name, bytes]) => `${sha256Hex(bytes)}  ${name}\n`).toSorted();
  return sha256Hex(new TextEncoder().encode(lines.join('')));
}

/** The files of one folder of a source, by their names inside it. */
export function filesBelow(files: ReadonlyMap<string, Uint8Array>, folder: string): ReadonlyMap<string, Uint8Array> {
  const prefix = `${folder}/`;
  return new Map(
    [...files]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, bytes]): [string, Uint8Array] => [name.slice(prefix.length), bytes]),
  );
}
