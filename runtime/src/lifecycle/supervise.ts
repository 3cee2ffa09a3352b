import { once } from 'node:events';
import { PortcullisError } from '../errors/portcullis-error.js';
import { LOG_FIELD } from '../log/fields.js';
import type { Logger } from '../log/logger.js';
import { runDrain } from './drain.js';
import { EXIT } from './exit-codes.js';
import type { Service } from './service.js';
import { runTasks } from './tasks.js';

/** After the drain, tasks get this long to return. */
const TASK_GRACE_MS = 5_000;

/** What ends a service. */
export interface Ending {
  /** Aborts when the drain should begin. */
  readonly drain: AbortSignal;
  /** Aborts tasks, after the drain. */
  readonly stop: AbortController;
  readonly log: Logger;
}

function withinGrace(work: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise((resolve) => {
    timer = setTimeout(resolve, TASK_GRACE_MS);
  });
  return Promise.race([work, grace]).finally(() => clearTimeout(timer));
}

/**
 * Runs a composed service to its end: tasks until the drain is asked for or one of them fails, then the drain steps in
 * order, then the tasks' own end.
 * @returns the exit code: 0 after a drain that was asked for, 1 when a task failed.
 */
export async function superviseService(service: Service, ending: Ending): Promise<number> {
  const { drain, stop, log } = ending;
  let code: number = EXIT.ok;
  const running = runTasks(service.tasks, stop.signal).catch((error: unknown) => {
    code = EXIT.failure;
    const fault = PortcullisError.from(error);
    log.fatal({ [LOG_FIELD.error]: fault, [LOG_FIELD.task]: fault.details['task'] }, 'Task failed');
  });
  const asked = drain.aborted ? Promise.resolve() : once(drain, 'abort');
  const allEnded = service.tasks.length === 0 ? asked : running;
  await Promise.race([allEnded, asked]);
  await runDrain(service.drain, log);
  stop.abort();
  await withinGrace(running);
  return code;
}
