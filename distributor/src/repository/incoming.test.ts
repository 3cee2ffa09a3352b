import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hashesOf } from '@portcullis/policy/trust';
import { systemDisk } from './disk.js';
import { createIncoming } from './incoming.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-incoming-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bundle = (size: number, fill: number): Uint8Array => new Uint8Array(size).fill(fill);

test('the same bundle uploaded by several at once is kept once, and nobody is told otherwise', async () => {
  const incoming = createIncoming(folder, systemDisk, 4);
  const bytes = bundle(512 * 1024, 7);
  const { sha256 } = hashesOf(bytes);
  await expect(Promise.all(Array.from({ length: 8 }, () => incoming.put(sha256, bytes)))).resolves.toHaveLength(8);
  expect(await incoming.get(sha256)).toEqual(bytes);
  expect(await readdir(join(folder, 'incoming'))).toEqual([`${sha256}.tar.gz`]);
});

test('no more than may wait do, however many come at once', async () => {
  const incoming = createIncoming(folder, systemDisk, 2);
  const uploads = [1, 2, 3, 4].map((fill) => bundle(16, fill));
  const outcomes = await Promise.allSettled(uploads.map((bytes) => incoming.put(hashesOf(bytes).sha256, bytes)));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(await readdir(join(folder, 'incoming'))).toHaveLength(2);
});
