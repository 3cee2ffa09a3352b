import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatProblem } from '@portcullis/policy/model';
import { openSigningKey, type SigningKey } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';

/**
 * Opens every `*.pem` in the given folders. Which key may sign what is decided by its id, not by its file's name.
 * @throws PortcullisError `ERR_CLI_KEYS` when a folder cannot be read, holds no key, or holds a file that is not one.
 */
export async function readSigningKeys(directories: readonly string[]): Promise<readonly SigningKey[]> {
  const keys = new Map<string, SigningKey>();
  for (const directory of directories) {
    const fail = (message: string, cause?: unknown): never => {
      throw new PortcullisError('ERR_CLI_KEYS', 'invalid', `--keys: ${message}`, { cause });
    };
    const names = await readdir(directory).catch((cause: unknown) =>
      fail(`${directory} cannot be read: expected a folder with PEM files`, cause),
    );
    const files = names.filter((name) => name.endsWith('.pem')).toSorted();
    if (files.length === 0) fail(`${directory} holds no *.pem: expected the folder of a key holder`);
    for (const name of files) {
      const path = join(directory, name);
      const text = await readFile(path, 'utf8').catch((cause: unknown) => fail(`${path} cannot be read`, cause));
      const key = openSigningKey(text);
      if (key.ok) keys.set(key.value.keyId, key.value);
      else fail(`${path}: ${key.problems.map(formatProblem).join('; ')}`);
    }
  }
  return [...keys.values()];
}
