/** The risk stage without its surroundings: request in, `intent_risk` out. Pure, so that a PDP and a tool say the same. */

import { overlapsAny } from '../model/path-overlap.js';
import type { IntentRisk } from '../model/request.js';
import { combineRisk, type WeighedFinding } from './combine.js';
import { ANALYSERS } from './registry.js';
import type { Analyser, RiskSubject } from './signal.js';

/** What came from elsewhere. */
export interface OutsideFindings {
  readonly findings: readonly WeighedFinding[];
  /** What was asked and did not answer. */
  readonly notSeen: readonly string[];
}

const NOTHING: OutsideFindings = { findings: [], notSeen: [] };

/**
 * Paths of the request and its facts that the analysers in use read, for whoever fetches facts.
 */
export function factsRead(disabled: readonly string[] = []): readonly string[] {
  const used = ANALYSERS.filter(({ signalType }) => !disabled.includes(signalType));
  return [...new Set(used.flatMap(({ reads }) => reads))].toSorted();
}

/** Fields that should be known, are not, and that some analyser in use reads. With any of them the risk is not known. */
export function unavailableTo(subject: RiskSubject): readonly string[] {
  const unknown = subject.request.unavailable ?? [];
  if (unknown.length === 0) return [];
  const read = factsRead(subject.parameters.disabled);
  return unknown.filter((path) => overlapsAny(path, read));
}

/** Runs every analyser in use and combines what they and others found. */
export function assessRisk(subject: RiskSubject, outside: OutsideFindings = NOTHING): IntentRisk {
  const { disabled, weights, reviewFrom, blockFrom } = subject.parameters;
  const findings: WeighedFinding[] = [...outside.findings];
  for (const analyser of ANALYSERS) {
    if (disabled.includes(analyser.signalType)) continue;
    const finding = analyser.analyse(subject);
    if (finding !== undefined) findings.push({ ...finding, ...weighed(analyser, weights) });
  }
  return combineRisk(findings, {
    reviewFrom,
    blockFrom,
    reported: subject.request.intent_risk,
    notSeen: [...notSeenOf(subject), ...outside.notSeen],
  });
}

function weighed(
  { signalType, weight, dimensions }: Analyser,
  weights: Readonly<Record<string, number>>,
): Pick<WeighedFinding, 'signalType' | 'weight' | 'dimensions'> {
  return { signalType, weight: weights[signalType] ?? weight, dimensions };
}

function notSeenOf({ request, baseline, parameters }: RiskSubject): readonly string[] {
  const needs = (field: string): boolean =>
    ANALYSERS.some(({ signalType, reads }) => reads.includes(field) && !parameters.disabled.includes(signalType));
  const isNew =
    baseline === undefined || baseline.attempts < parameters.minAttempts || baseline.ageMs < parameters.minAgeMs;
  return [
    ...(isNew ? ['habits of the agent (not known yet)'] : []),
    ...(request.facts?.history === undefined && needs('facts.history') ? ['history of the session'] : []),
    ...(request.facts?.provenance === undefined && needs('facts.provenance') ? ['origin of the arguments'] : []),
  ];
}
