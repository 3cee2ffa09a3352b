import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';

/** A file to write, by its path under a root. */
export interface PlannedFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Readable by its owner only (0600); otherwise 0644. */
  readonly secret: boolean;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Makes a directory, and every missing one above it, that only its owner may enter (0700). */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/**
 * Replaces a file in one step, so that a reader sees the old bytes or the new ones, never half.
 * @throws PortcullisError `ERR_CLI_WRITE` when it cannot be written; then nothing has changed.
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  try {
    await replace(path, content, mode);
  } catch (cause) {
    // The system's own words name a file that nobody asked for.
    const why = typeof cause === 'object' && cause !== null && 'code' in cause ? ` (${String(cause.code)})` : '';
    const message = `${path} cannot be written${why}: expected a folder that is there, with room, that you may write to`;
    throw new PortcullisError('ERR_CLI_WRITE', 'invalid', message, { cause });
  }
}

async function replace(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
    await handle.close();
    // `open` applies the umask; what must be readable by others still is.
    await chmod(temporary, mode);
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a set of new files under `root` (0700), or nothing: every path is checked before the first is written.
 * @throws PortcullisError `ERR_CLI_EXISTS` when one is there already and `force` is false; `ERR_CLI_USAGE` when two
 * files of the plan share a path, also if only upper and lower case differ.
 */
export async function writeNewFiles(
  root: string,
  files: readonly PlannedFile[],
  options: { readonly force: boolean },
): Promise<void> {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const twin = seen.get(path.toLowerCase());
    if (twin !== undefined) {
      throw new PortcullisError('ERR_CLI_USAGE', 'invalid', `two files would have the same path: ${twin} and ${path}`);
    }
    seen.set(path.toLowerCase(), path);
    if (!options.force && (await exists(join(root, path)))) {
      throw new PortcullisError(
        'ERR_CLI_EXISTS',
        'conflict',
        `${join(root, path)} exists already: choose another directory, or pass --force to replace it`,
      );
    }
  }
  for (const { path, content, secret } of files) {
    const target = join(root, path);
    await makePrivateDirectory(dirname(target));
    await replaceFile(target, content, secret ? 0o600 : 0o644);
  }
}
