/** Makes a defect of the policy client end as a denial instead of as a hang. */

import type { Answer } from '../ask/port.js';

/** What was asked, or that nobody answered, after `backstopMs` milliseconds at the latest. Rejects as `asked` does. */
export function withBackstop<T>(asked: Promise<T>, backstopMs: number): Promise<T | (Answer & { kind: 'failure' })> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve({ kind: 'failure', failure: { code: 'PDP_TIMEOUT', message: 'the policy client did not answer' } });
    }, backstopMs);
    timer.unref();
    asked.then(
      (answer) => {
        clearTimeout(timer);
        resolve(answer);
      },
      (thrown: unknown) => {
        clearTimeout(timer);
        reject(thrown);
      },
    );
  });
}
