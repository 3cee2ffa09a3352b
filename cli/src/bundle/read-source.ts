import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';

/** Far above any real policy set; keeps a wrong directory from being read into memory. */
const MAX_FILES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads a policy directory into memory: path inside it (with `/`) to bytes. Names that begin with a dot are left out.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read, holds a symbolic link or another special file, or
 * is larger than 10,000 files or 64 MiB.
 */
export async function readSource(directory: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  const refuse = (message: string, cause?: unknown): never => {
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
  };
  const walk = async (relative: string): Promise<void> => {
    const here = join(directory, relative);
    const entries = await readdir(here, { withFileTypes: true }).catch((cause: unknown) =>
      refuse(`${here} cannot be read: expected a directory with a bundle.yaml`, cause),
    );
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) {
        await walk(path);
        continue;
      }
      if (!entry.isFile()) refuse(`${join(directory, path)}: expected a file or a directory, not a link or a device`);
      const { size } = await lstat(join(directory, path));
      bytes += size;
      if (bytes > MAX_BYTES || files.size >= MAX_FILES) {
        refuse(`${directory} holds more than ${MAX_FILES} files or ${MAX_BYTES} bytes: is it the policy directory?`);
      }
      files.set(path, new Uint8Array(await readFile(join(directory, path))));
    }
  };
  await walk('');
  return files;
}
