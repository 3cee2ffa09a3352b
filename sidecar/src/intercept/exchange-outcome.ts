/** How exchanges with what is upstream ended, and who hears of it. */

import type { Source } from '@portcullis/policy/model';

/** How one ended. */
export type RelayOutcome = 'forwarded' | 'upstream_failed';

/** Who hears how exchanges ended. */
export interface ExchangeObserver {
  /** An allowed attempt was carried out, or failed upstream. */
  carriedOut(source: Source, outcome: RelayOutcome): void;
  /** A message was dealt with in whatever way; seconds from its arrival. */
  took(seconds: number): void;
}
