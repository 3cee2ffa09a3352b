/** One page of a search: candidates are decided in their order until the page is full or its time is over. */

import { setImmediate as turn } from 'node:timers/promises';
import type { Decision, DenyCode, DenyReason } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { Candidate } from './candidates.js';

/** What {@link fillPage} is told. */
export interface PageParts<T> {
  readonly candidates: readonly Candidate[];
  /** Index of the first one to be decided. */
  readonly from: number;
  /** Results, at most. */
  readonly limit: number;
  /** {@link Clock.monotonic} milliseconds after which no more candidates are begun. */
  readonly until: number;
  readonly decide: (candidate: Candidate) => Promise<Decision>;
  /** The result that a candidate's decision amounts to; `undefined` for one that is not permitted. */
  readonly found: (candidate: Candidate, decision: Decision) => T | undefined;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** A page. */
export interface Page<T> {
  readonly results: readonly T[];
  /** Where the next page goes on; `undefined` when every candidate was decided. */
  readonly next: number | undefined;
  /** Candidates of which nobody could tell; they are not among the results. */
  readonly undecided: number;
  /** Why the question is none, when that is what became of every candidate. */
  readonly invalid: DenyReason | undefined;
}

/** Begun at once; in between others have their turn. */
const STRIDE = 16;
/** About the question, not about the candidate. */
const INVALID: readonly DenyCode[] = ['REQUEST_INVALID', 'IDENTITY_REJECTED'];
/** Nobody could tell. */
const UNDECIDED: readonly DenyCode[] = [
  ...INVALID,
  'APPROVAL_UNAVAILABLE',
  'INTERNAL_ERROR',
  'NO_VALID_BUNDLE',
  'PDP_TIMEOUT',
  'QUOTA_UNAVAILABLE',
];

/** Fills it. At least one stride of candidates is decided, so that every page goes on from where the last one ended. */
export async function fillPage<T>(parts: PageParts<T>): Promise<Page<T>> {
  const { candidates, from, limit, until, decide, found, clock } = parts;
  const results: T[] = [];
  let undecided = 0;
  let decided = 0;
  let invalid: DenyReason | undefined;
  let isInvalid = true;
  let next = from;
  while (next < candidates.length && results.length < limit && (decided === 0 || clock.monotonic() < until)) {
    const stride = candidates.slice(next, next + STRIDE);
    const decisions = await Promise.all(stride.map(decide));
    for (const [index, candidate] of stride.entries()) {
      if (results.length >= limit) break;
      next += 1;
      decided += 1;
      const decision = decisions[index];
      const [reason] = decision?.deny ?? [];
      if (reason !== undefined && INVALID.includes(reason.code)) invalid ??= reason;
      else isInvalid = false;
      if (reason !== undefined && UNDECIDED.includes(reason.code)) undecided += 1;
      const result = decision === undefined ? undefined : found(candidate, decision);
      if (result !== undefined) results.push(result);
    }
    await turn();
  }
  return {
    results,
    next: next < candidates.length ? next : undefined,
    undecided,
    invalid: isInvalid ? invalid : undefined,
  };
}
