import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../temporary-folder.js';
import { replaceFile, writeNewFiles } from './private-files.js';

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe('writeNewFiles', () => {
  test('secrets are 0600, the rest 0644, folders 0700', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'new');
    const files = [
      { path: 'a/key.pem', content: 'k', secret: true },
      { path: 'root.json', content: '{}', secret: false },
    ];
    await writeNewFiles(root, files, { force: false });
    expect(await modeOf(join(root, 'a', 'key.pem'))).toBe('600');
    expect(await modeOf(join(root, 'root.json'))).toBe('644');
    expect(await modeOf(join(root, 'a'))).toBe('700');
    expect(await modeOf(root)).toBe('700');
  });

  test('writes nothing when one of the files exists, even as a broken link', async () => {
    await using folder = await temporaryFolder();
    await symlink('nowhere', join(folder.path, 'b'));
    const files = [
      { path: 'a', content: 'new', secret: true },
      { path: 'b', content: 'new', secret: true },
    ];
    await expect(writeNewFiles(folder.path, files, { force: false })).rejects.toMatchObject({ code: 'ERR_CLI_EXISTS' });
    expect(await readdir(folder.path)).toEqual(['b']);
  });

  test('replaces with force, also the mode, and leaves nothing else behind', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'a'), 'old', { mode: 0o666 });
    await writeNewFiles(folder.path, [{ path: 'a', content: 'new', secret: true }], { force: true });
    expect(await readFile(join(folder.path, 'a'), 'utf8')).toBe('new');
    expect(await modeOf(join(folder.path, 'a'))).toBe('600');
    expect(await readdir(folder.path)).toEqual(['a']);
  });

  test('refuses two files of one path, whatever their case', async () => {
    await using folder = await temporaryFolder();
    const files = [
      { path: 'agent-A/key.pem', content: '1', secret: true },
      { path: 'agent-a/key.pem', content: '2', secret: true },
    ];
    await expect(writeNewFiles(folder.path, files, { force: false })).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
    expect(await readdir(folder.path)).toEqual([]);
  });
});

test('replaceFile replaces a link, not what it points to', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'victim'), 'untouched');
  await symlink('victim', join(folder.path, 'key.pem'));
  await replaceFile(join(folder.path, 'key.pem'), 'secret', 0o600);
  expect(await readFile(join(folder.path, 'victim'), 'utf8')).toBe('untouched');
  expect(await readFile(join(folder.path, 'key.pem'), 'utf8')).toBe('secret');
});

test.each([
  ['a folder that is not there', 'nowhere/b.tar.gz', 'ENOENT'],
  ['a folder in its place', 'taken', 'EISDIR'],
])('replaceFile says of %s which file cannot be written', async (_name, name, code) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'taken'));
  const path = join(folder.path, name);
  await expect(replaceFile(path, 'x', 0o644)).rejects.toMatchObject({
    code: 'ERR_CLI_WRITE',
    message: expect.stringMatching(`^${path} cannot be written \\(${code}\\): expected a folder`),
  });
  expect(await readdir(folder.path)).toEqual(['taken']);
});

test('replaceFile gives the mode that was asked for, whatever the umask', async () => {
  await using folder = await temporaryFolder();
  const before = process.umask(0o077);
  try {
    await replaceFile(join(folder.path, 'root.json'), '{}', 0o644);
  } finally {
    process.umask(before);
  }
  expect(await modeOf(join(folder.path, 'root.json'))).toBe('644');
});
