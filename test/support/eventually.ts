import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls `probe` until it yields something other than `undefined` or `false`, and returns that.
 * @param what what is waited for, for the error message
 * @param timeoutMs how long to wait before giving up, in milliseconds
 * @throws Error naming `what` and the last failure of the probe
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
  everyMs = 10,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (true) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error: unknown) {
      last = error;
    }
    if (performance.now() > deadline) {
      const reason = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`gave up after ${timeoutMs} ms waiting for ${what}${reason}`, { cause: last });
    }
    await delay(everyMs);
  }
}
