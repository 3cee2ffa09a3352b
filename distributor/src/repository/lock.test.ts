import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LOCK_FILE, lockDirectory } from './lock.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const LOCKED = expect.objectContaining({ code: 'ERR_REPOSITORY_LOCKED', kind: 'conflict' });

test('a second one is told so, until the first has gone', () => {
  const dataDir = join(folder, 'made', 'on the way');
  const first = lockDirectory(dataDir);
  expect(() => lockDirectory(dataDir)).toThrow(LOCKED);
  first.release();
  first.release();
  lockDirectory(dataDir).release();
});

test('two directories are two locks', () => {
  const one = lockDirectory(join(folder, 'one'));
  const two = lockDirectory(join(folder, 'two'));
  expect(() => lockDirectory(join(folder, 'one'))).toThrow(LOCKED);
  one.release();
  two.release();
});

test('what another process holds is refused, and free again however that process ends', async () => {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    new DatabaseSync(${JSON.stringify(join(folder, LOCK_FILE))}).exec('BEGIN EXCLUSIVE');
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(other.stdout, 'data');
  expect(() => lockDirectory(folder)).toThrow(LOCKED);
  other.kill('SIGKILL');
  await once(other, 'exit');
  lockDirectory(folder).release();
});

test('a lock file that is something else is not taken for a lock', async () => {
  await writeFile(join(folder, LOCK_FILE), 'these are notes, and no database at all, as everybody can see'.repeat(20));
  expect(() => lockDirectory(folder)).toThrow(expect.objectContaining({ code: 'ERR_REPOSITORY_WRITE' }));
});
