/** What agents usually do (ADR-0015): what a keeper of baselines promises, whoever keeps them. */

import type { Counters, Increment } from '@portcullis/policy/risk';

/** Whose baseline. Names of verified identities. */
export interface AgentKey {
  readonly tenant: string;
  readonly agent: string;
}

/** A baseline as it is kept. */
export interface KeptBaseline {
  readonly counters: Counters;
  /** Epoch milliseconds of the first observation. */
  readonly since: number;
}

/** Names of one family (tools, destinations) that are kept per agent; beyond it the least used one goes. */
export const MAX_NAMES = 256;

/** The keeper. */
export interface BaselineStore {
  /** `undefined` for an agent that was never seen. Rejects when it cannot be known. */
  read(agent: AgentKey): Promise<KeptBaseline | undefined>;
  /**
   * Adds to the counters in one step, each after what it lost by then. `now` is epoch milliseconds. Rejects when it may not
   * have been kept; nobody repeats it.
   */
  observe(agent: AgentKey, increments: readonly Increment[], now: number): Promise<void>;
  close(): Promise<void>;
}

/** What became of observations; labels of a metric. */
export const OBSERVATION_OUTCOMES = ['kept', 'failed', 'dropped'] as const;
/** What assessments came to; labels of a metric. */
export const ASSESSMENT_OUTCOMES = ['ALLOW', 'REVIEW', 'BLOCK', 'unavailable'] as const;
/** What asking an analyser outside came to; labels of a metric. */
export const OUTSIDE_OUTCOMES = ['answered', 'failed', 'invalid', 'late', 'skipped'] as const;

/** Who counts what the risk stage does. */
export interface RiskObserver {
  riskAssessed(outcome: (typeof ASSESSMENT_OUTCOMES)[number]): void;
  riskObserved(outcome: (typeof OBSERVATION_OUTCOMES)[number]): void;
  riskOutside(outcome: (typeof OUTSIDE_OUTCOMES)[number], seconds: number): void;
}
