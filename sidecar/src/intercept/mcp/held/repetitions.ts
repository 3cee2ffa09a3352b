/** How questions about a call that waits count: it is one attempt, however often it is asked about. */

import type { RefusalObserver } from '../../../enforce/refuse.js';

/**
 * For the guard that asks again. That the call is held was counted when it was asked about first, and that nobody could be
 * asked in between ends nothing; a denial ends it, and counts.
 */
export function countingEnds(observer: RefusalObserver): RefusalObserver {
  return {
    refused(source, outcome) {
      if (outcome !== 'held' && outcome !== 'failed_closed') observer.refused(source, outcome);
    },
    failedClosed: (code) => observer.failedClosed(code),
  };
}
