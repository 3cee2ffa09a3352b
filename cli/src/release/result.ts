import type { Problem } from '@portcullis/policy/model';
import type { ReleasePointer } from '@portcullis/policy/trust';
import type { Refusal } from './api.js';
import type { Convergence } from './converge.js';
import type { ReleaseDraft } from './draft.js';
import type { SignatureCount } from './signatures.js';

/** Where the time went, in milliseconds; `enforced_ms` counts from the moment the release was accepted. */
export interface ReleaseTimings {
  readonly build_ms: number;
  readonly upload_ms: number;
  readonly release_ms: number;
  /** From acceptance until every live PDP had loaded it; absent without `wait`. */
  readonly enforced_ms?: number;
  readonly total_ms: number;
}

/** A release that the distributor took. */
export interface Released {
  readonly pointer: ReleasePointer;
  readonly timings: ReleaseTimings;
  readonly convergence?: Convergence;
}

/**
 * How a publish, a rollback or a submit ended.
 *
 * - `released`: accepted; with `wait`, also loaded by every live PDP.
 * - `not_converged`: accepted, but not loaded everywhere in time.
 * - `invalid`: the policies have problems; nothing was sent.
 * - `needs_signatures`: too few keys; nothing was sent, and the draft can be signed on.
 * - `refused`: the distributor said no.
 */
export type PublishResult =
  | ({ readonly outcome: 'released' } & Released)
  | ({ readonly outcome: 'not_converged' } & Released)
  | { readonly outcome: 'invalid'; readonly problems: readonly Problem[] }
  | { readonly outcome: 'needs_signatures'; readonly draft: ReleaseDraft; readonly missing: readonly SignatureCount[] }
  | { readonly outcome: 'refused'; readonly refusal: Refusal };
