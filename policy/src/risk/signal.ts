/** What an analyser is: one signal, a pure function of a request in its context (ADR-0015). */

import type { ContextualRequest } from '../model/facts.js';
import type { JsonObject } from '../model/request.js';
import type { Baseline } from './baseline.js';
import type { RiskParameters } from './parameters.js';

/** What a signal speaks of. Policies read `intent_risk.risk_dimensions.<name>`. */
export const RISK_DIMENSIONS = [
  'data_exfiltration',
  'prompt_injection',
  'privilege_escalation',
  'destructive_action',
  'goal_drift',
  'resource_abuse',
] as const;
/** What a signal speaks of. */
export type RiskDimension = (typeof RISK_DIMENSIONS)[number];

/** What an analyser looks at. Everything that it may use is here: same subject, same finding. */
export interface RiskSubject {
  readonly request: ContextualRequest;
  /** What this agent usually does; `undefined` when nobody knows, which is no signal. */
  readonly baseline: Baseline | undefined;
  readonly parameters: RiskParameters;
}

/** What an analyser noticed. */
export interface Finding {
  /** 0 (hardly) to 1 (certainly). */
  readonly score: number;
  /** Names, counts and types; never a value of the request that may be secret. */
  readonly details: JsonObject;
}

/** One signal. */
export interface Analyser {
  /** `behavioral_signals[].signal_type`. */
  readonly signalType: string;
  /** What it means that it fires, in one sentence. */
  readonly description: string;
  /** Paths of the request and its facts without which it sees nothing. The context stage fetches them. */
  readonly reads: readonly string[];
  /** Whether it compares with the agent's baseline. */
  readonly needsBaseline: boolean;
  /** How much a score of 1 says about the whole: 0 to 1. */
  readonly weight: number;
  /** How much a score of 1 says about each dimension: 0 to 1. */
  readonly dimensions: Readonly<Partial<Record<RiskDimension, number>>>;
  /** What it cannot see, in one sentence. */
  readonly blindTo: string;
  /** Undefined when there is nothing to say, or nothing to say it from. Never throws for a request of the right shape. */
  readonly analyse: (subject: RiskSubject) => Finding | undefined;
}

/** A number between 0 and 1, rounded to two decimals, so that equal inputs print alike everywhere. */
export function unit(value: number): number {
  return Math.round(Math.min(1, Math.max(0, Number.isFinite(value) ? value : 1)) * 100) / 100;
}
