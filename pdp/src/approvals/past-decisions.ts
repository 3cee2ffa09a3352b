/** What was decided before, as far as anybody here still knows: what a preview asks of the audit chain. */

import type { JsonObject } from '@portcullis/policy/model';

/** Whose decisions are wanted, and from when on. */
export interface PastQuestion {
  readonly tenant: string;
  readonly agent: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Why a look back ended where it did. */
export type PastEnd =
  /** At what was asked for. */
  | 'reached'
  /** At the first record of the chain: this PDP decided nothing before. */
  | 'beginning'
  /** Earlier segments were removed. */
  | 'removed'
  /** It took as long as it may. */
  | 'time'
  /** What stands there is no record. */
  | 'unreadable';

/** How far a look back reached. */
export interface PastReach {
  readonly end: PastEnd;
  /** When the oldest record that was looked at was written, RFC 3339; `undefined` when there was none. */
  readonly from: string | undefined;
  /** Records looked at, whoever they are about. */
  readonly records: number;
}

/** Decision records that this PDP has, newest first. */
export interface PastDecisions {
  /**
   * Shows every record of a decision about that agent; `see` must not throw. Bounded in time; gives way to decisions.
   * @throws PortcullisError `ERR_APPROVAL_PREVIEW`, kind `unavailable`, while another look is under way.
   */
  look(question: PastQuestion, see: (record: JsonObject) => void): Promise<PastReach>;
}
