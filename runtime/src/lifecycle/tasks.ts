import { PortcullisError } from '../errors/portcullis-error.js';
import type { Task } from './service.js';

async function runOne(task: Task, signal: AbortSignal): Promise<void> {
  try {
    await task.run(signal);
  } catch (error: unknown) {
    // What a task throws while it is being stopped is the stopping, not a failure.
    if (signal.aborted) return;
    const fault = PortcullisError.from(error, 'ERR_TASK_FAILED');
    throw new PortcullisError(fault.code, fault.kind, fault.message, {
      cause: error,
      details: { ...fault.details, task: task.name },
    });
  }
  if (!signal.aborted && task.mayEnd !== true) {
    throw new PortcullisError('ERR_TASK_ENDED', 'internal', 'task ended early', { details: { task: task.name } });
  }
}

/**
 * Runs all tasks until `signal` aborts or all of them have ended. The first failure stops the others, waits for them
 * and is then thrown, with the task's name in its details.
 * @throws PortcullisError of the first task that failed; `ERR_TASK_ENDED` when one returned early.
 */
export async function runTasks(tasks: readonly Task[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  let failure: PortcullisError | undefined;
  await Promise.all(
    tasks.map((task) =>
      runOne(task, both).catch((error: unknown) => {
        failure ??= PortcullisError.from(error);
        stop.abort();
      }),
    ),
  );
  if (failure !== undefined) throw failure;
}
