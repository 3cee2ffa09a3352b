/** Answers of the API. */

import type { JsonValue } from './attempt.js';

/** What became of an allowed attempt. */
export interface Conclusion {
  /** `forwarded`: it was carried out; `upstream_failed`: it was tried and failed; `refused`: it was not tried. */
  readonly outcome: 'forwarded' | 'upstream_failed' | 'refused';
  /** What it brought back. Needed when {@link Allowed.mustReport} says so. */
  readonly result?: JsonValue;
}

/** The attempt may be carried out, once. */
export interface Allowed {
  readonly allowed: true;
  readonly decisionId: string;
  /** Lower-case hex SHA-256 of the canonical request that was decided. */
  readonly requestDigest: string;
  /** Whether the result has to be told before anybody uses it; see {@link Allowed.conclude}. */
  readonly mustReport: boolean;
  /**
   * Tells what became of it, so that quotas are settled and the session knows. False when it could not be told; where
   * {@link Allowed.mustReport} is true the result must then not be used. Never rejects.
   */
  conclude(conclusion: Conclusion): Promise<boolean>;
}

/** What a held attempt waits for. */
export interface Hold {
  readonly approval_id: string;
  readonly state?: string;
  /** RFC 3339. */
  readonly expires_at?: string;
  readonly poll?: string;
  readonly poll_seconds?: number;
}

/** The attempt must not be carried out. */
export interface Refused {
  readonly allowed: false;
  /**
   * `denied` by policy, `held` until a person agrees (ask again with the same attempt), `invalid`: the question is
   * unusable, `failed_closed`: no decision could be had.
   */
  readonly outcome: 'denied' | 'held' | 'invalid' | 'failed_closed';
  /** Stable, e.g. `POLICY_DENIED`; `SIDECAR_UNAVAILABLE` and `SIDECAR_REPLY_INVALID` are this client's own. */
  readonly code: string;
  readonly message: string;
  readonly decisionId?: string;
  /** The policy author's own code. */
  readonly reasonCode?: string;
  readonly hold?: Hold;
}

/** There is no third case, and everything that goes wrong is the second. */
export type Authorization = Allowed | Refused;
