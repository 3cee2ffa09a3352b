/**
 * Many signals, one risk: noisy-or. Each signal with score s and weight w leaves the share 1 - w*s of doubt, and the
 * shares multiply. So one strong signal is enough, several weak ones add up and none takes anything away: more evidence
 * never lowers a risk, which a weighted mean cannot promise (Pearl, Probabilistic Reasoning in Intelligent Systems, §4.3.2).
 */

import type { BehavioralSignal, IntentRisk } from '../model/request.js';
import { type Finding, type RiskDimension, unit } from './signal.js';

/** A finding with what it weighs. */
export interface WeighedFinding extends Finding {
  readonly signalType: string;
  readonly weight: number;
  readonly dimensions: Readonly<Partial<Record<RiskDimension | (string & {}), number>>>;
}

/** What is said besides the findings. */
export interface CombineOptions {
  readonly reviewFrom: number;
  readonly blockFrom: number;
  /** What the caller reported; a floor. */
  readonly reported: IntentRisk | undefined;
  /** What was not looked at, and why; each a few words. */
  readonly notSeen: readonly string[];
}

/** The dimension that holds the whole. */
export const OVERALL = 'overall';

const SEVERITY = { ALLOW: 0, REVIEW: 1, BLOCK: 2 } as const;

/** The `intent_risk` that policies see. Same findings, same answer, whatever their order. */
export function combineRisk(findings: readonly WeighedFinding[], options: CombineOptions): IntentRisk {
  const { reported, reviewFrom, blockFrom, notSeen } = options;
  const ordered = findings.toSorted(
    (a, b) => b.weight * b.score - a.weight * a.score || compareNames(a.signalType, b.signalType),
  );
  const overall = together(ordered.map(({ weight, score }) => weight * score));
  const dimensions = new Map<string, number>([[OVERALL, overall]]);
  const names = new Set(ordered.flatMap((finding) => Object.keys(finding.dimensions)));
  names.delete(OVERALL);
  for (const name of [...names].toSorted(compareNames)) {
    dimensions.set(name, together(ordered.map(({ dimensions, score }) => (dimensions[name] ?? 0) * score)));
  }
  for (const [name, value] of Object.entries(reported?.risk_dimensions ?? {})) {
    dimensions.set(name, Math.max(dimensions.get(name) ?? 0, value));
  }
  const own = overall >= blockFrom ? 'BLOCK' : overall >= reviewFrom ? 'REVIEW' : 'ALLOW';
  const said = reported?.decision ?? 'ALLOW';
  const decision = SEVERITY[said] > SEVERITY[own] ? said : own;
  const signals: BehavioralSignal[] = ordered.map(({ signalType, score, details }) => ({
    signal_type: signalType,
    details: { ...details, score },
  }));
  return {
    decision,
    explanation: explained(decision, overall, ordered, notSeen),
    behavioral_signals: [...signals, ...(reported?.behavioral_signals ?? [])],
    risk_dimensions: Object.fromEntries(dimensions),
  };
}

function together(shares: readonly number[]): number {
  return unit(1 - shares.reduce((doubt, share) => doubt * (1 - share), 1));
}

function explained(
  decision: string,
  overall: number,
  ordered: readonly WeighedFinding[],
  notSeen: readonly string[],
): string {
  const found = ordered.map(({ signalType, score }) => `${signalType} ${score.toFixed(2)}`).join(', ');
  const unseen = notSeen.length === 0 ? '' : `; not seen: ${notSeen.join(', ')}`;
  return `${decision} at ${overall.toFixed(2)}: ${found === '' ? 'no signal' : found}${unseen}`;
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
