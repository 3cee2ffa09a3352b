import { describe, expect, test } from '@jest/globals';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { Task } from './service.js';
import { runTasks } from './tasks.js';

const waits = (name: string, ended: string[] = []): Task => ({
  name,
  run: (signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        ended.push(name);
        resolve();
      });
    }),
});

describe('runTasks', () => {
  test('ends well when all return after the abort', async () => {
    const stop = new AbortController();
    const running = runTasks([waits('a'), waits('b')], stop.signal);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });

  test('the first failure stops the others and is thrown with its task', async () => {
    const ended: string[] = [];
    const bad: Task = { name: 'bad', run: () => Promise.reject(new PortcullisError('ERR_X', 'corrupt', 'broken')) };
    await expect(
      runTasks([waits('a', ended), bad, waits('b', ended)], new AbortController().signal),
    ).rejects.toMatchObject({
      code: 'ERR_X',
      kind: 'corrupt',
      details: { task: 'bad' },
    });
    expect(ended).toEqual(['a', 'b']);
  });

  test('a task that throws synchronously fails like any other', async () => {
    const bad: Task = {
      name: 'bad',
      run: () => {
        throw new Error('x');
      },
    };
    await expect(runTasks([bad], new AbortController().signal)).rejects.toMatchObject({ code: 'ERR_TASK_FAILED' });
  });

  test('returning early is a failure, unless the task may end', async () => {
    const quick = { name: 'quick', run: () => Promise.resolve() };
    await expect(runTasks([quick], new AbortController().signal)).rejects.toMatchObject({ code: 'ERR_TASK_ENDED' });
    await expect(runTasks([{ ...quick, mayEnd: true }], new AbortController().signal)).resolves.toBeUndefined();
  });

  test('what a task throws while it is being stopped is no failure', async () => {
    const stop = new AbortController();
    const task: Task = {
      name: 'a',
      run: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    };
    const running = runTasks([task], stop.signal);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });
});
