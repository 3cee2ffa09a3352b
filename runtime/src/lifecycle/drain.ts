import { setTimeout as delay } from 'node:timers/promises';
import { LOG_FIELD } from '../log/fields.js';
import type { Logger } from '../log/logger.js';
import type { DrainStep } from './service.js';

/**
 * Runs the steps one after the other. A step that fails or takes longer than its time is logged and left behind:
 * nothing that goes wrong here may keep the process from ending.
 */
export async function runDrain(steps: readonly DrainStep[], log: Logger): Promise<void> {
  for (const step of steps) {
    const stop = new AbortController();
    const timeout = delay(step.timeoutMs, 'timeout' as const, { signal: stop.signal }).catch(
      () => 'cancelled' as const,
    );
    try {
      const outcome = await Promise.race([Promise.resolve(step.run()).then(() => 'done' as const), timeout]);
      log.info({ [LOG_FIELD.step]: step.name, outcome }, 'Drain step ended');
    } catch (error: unknown) {
      log.error({ [LOG_FIELD.step]: step.name, [LOG_FIELD.error]: error }, 'Drain step failed');
    } finally {
      stop.abort();
    }
  }
}
