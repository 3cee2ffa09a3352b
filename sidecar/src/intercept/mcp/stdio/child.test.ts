import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { startChild } from './child.js';

describe('the child', () => {
  test('a command that does not exist stops the start', async () => {
    const started = startChild({ name: 'x', command: '/nonexistent/x', args: [], env: {}, graceMs: 1 });
    await expect(started).rejects.toMatchObject({ code: 'ERR_CHILD_START' });
  });

  test('no shell sees its arguments', async () => {
    const child = await startChild({
      name: 'x',
      command: process.execPath,
      args: ['-e', 'process.stdout.write(process.argv[1])', '$(echo hi); `id`'],
      env: {},
      graceMs: 100,
    });
    const [chunk] = (await once(child.output, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('$(echo hi); `id`');
    await child.end();
  });

  test('one that ignores its end is killed', async () => {
    const child = await startChild({
      name: 'x',
      command: process.execPath,
      args: ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stdout.write('up')"],
      env: {},
      graceMs: 50,
    });
    await once(child.output, 'data');
    child.output.resume();
    await child.end();
    expect(await child.ended).toBe(137);
    expect(child.killed).toBe(true);
  });
});
