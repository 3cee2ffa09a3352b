import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../temporary-folder.js';
import { tailRecords } from './tail-records.js';

test('a followed chain goes on into the next segment, line by whole line, until it is interrupted', async () => {
  await using folder = await temporaryFolder();
  const [first, second] = ['0000000000000001.jsonl', '0000000000000003.jsonl'].map((name) => join(folder.path, name));
  await writeFile(first ?? '', 'one\n');
  const stop = new AbortController();
  const records = tailRecords(folder.path, { lines: 1, follow: true, pollMs: 1, signal: stop.signal });
  expect(await records.next()).toEqual({ done: false, value: 'one' });
  const next = records.next();
  await appendFile(first ?? '', 'tw');
  await appendFile(first ?? '', 'o\n');
  expect(await next).toEqual({ done: false, value: 'two' });
  await writeFile(second ?? '', 'three\nfour\n');
  expect(await records.next()).toEqual({ done: false, value: 'three' });
  expect(await records.next()).toEqual({ done: false, value: 'four' });
  stop.abort();
  expect(await records.next()).toEqual({ done: true, value: undefined });
});
