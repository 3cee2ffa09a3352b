import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { replaceFile } from '../files/private-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { watchFolder } from './watch-folder.js';

/** Tells when the run of a number has begun. */
function createRuns(): {
  readonly run: () => Promise<void>;
  readonly count: () => number;
  reached(count: number): Promise<void>;
} {
  let count = 0;
  const waiting: (() => void)[] = [];
  return {
    run: async () => {
      count += 1;
      for (const wake of waiting.splice(0)) wake();
    },
    count: () => count,
    async reached(wanted) {
      while (count < wanted) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

describe('watching a folder', () => {
  test('runs once, and again after a change in a folder below; an abort ends it', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'tests'));
    const stop = new AbortController();
    const runs = createRuns();
    const watching = watchFolder(folder.path, runs.run, { signal: stop.signal, quietMs: 1 });
    await runs.reached(1);
    await writeFile(join(folder.path, 'tests', 'a.yaml'), 'x');
    await runs.reached(2);
    await writeFile(join(folder.path, 'b.yaml'), 'x');
    await runs.reached(3);
    stop.abort();
    await expect(watching).resolves.toBeUndefined();
  });

  test('a change during a run leads to another run', async () => {
    await using folder = await temporaryFolder();
    const stop = new AbortController();
    const runs = createRuns();
    const run = async (): Promise<void> => {
      if (runs.count() === 0) await writeFile(join(folder.path, 'a.yaml'), 'x');
      await runs.run();
    };
    const watching = watchFolder(folder.path, run, { signal: stop.signal, quietMs: 1 });
    await runs.reached(2);
    stop.abort();
    await expect(watching).resolves.toBeUndefined();
  });

  test('drafts and what the runs write do not count', async () => {
    await using folder = await temporaryFolder();
    const stop = new AbortController();
    const runs = createRuns();
    const report = join(folder.path, 'report.xml');
    const run = async (): Promise<void> => {
      await replaceFile(report, String(runs.count()), 0o644);
      await writeFile(join(folder.path, '.draft'), String(runs.count()));
      await runs.run();
    };
    const watching = watchFolder(folder.path, run, { signal: stop.signal, quietMs: 1, ignore: report });
    await runs.reached(1);
    // Comes after the events of the first run, in their order.
    await writeFile(join(folder.path, 'a.yaml'), 'x');
    await runs.reached(2);
    stop.abort();
    await watching;
    expect(runs.count()).toBe(2);
  });

  test('an abort before the first run, and a fault of a run', async () => {
    await using folder = await temporaryFolder();
    const runs = createRuns();
    await watchFolder(folder.path, runs.run, { signal: AbortSignal.abort() });
    expect(runs.count()).toBe(0);
    const failing = watchFolder(folder.path, () => Promise.reject(new Error('broken')), {
      signal: new AbortController().signal,
    });
    await expect(failing).rejects.toThrow('broken');
  });

  test('a folder that is not there', async () => {
    await using folder = await temporaryFolder();
    const missing = join(folder.path, 'missing');
    const watching = watchFolder(missing, async () => undefined, { signal: new AbortController().signal });
    await expect(watching).rejects.toMatchObject({ code: 'ERR_CLI_SOURCE' });
  });
});
