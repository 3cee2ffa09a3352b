import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from './config.js';
import { openRedactor } from './open.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'redaction-'));
});
afterEach(() => rm(folder, { recursive: true }));

const open = (hashKeyFile: string): ReturnType<typeof openRedactor> =>
  openRedactor(redactionConfig.parse({ hashKeyFile }), { clock: systemClock, observer: { redacted: () => undefined } });

test('a key that is missing or too short ends the start', async () => {
  const file = join(folder, 'key');
  await expect(open(file)).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_MISSING' });
  await writeFile(file, Buffer.alloc(31, 1));
  await expect(open(file)).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_MISSING' });
  await writeFile(file, Buffer.alloc(32, 1));
  await expect(open(file)).resolves.toBeDefined();
});
