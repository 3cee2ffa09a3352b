/** The assessor of the pipeline: the pure assessment of `@portcullis/policy/risk` with what it takes from outside. */

import type { ContextualRequest, IntentRisk } from '@portcullis/policy/model';
import {
  assessRisk,
  type Baseline,
  baselineAt,
  factsRead,
  type HalfLives,
  type OutsideFindings,
  type RiskParameters,
  unavailableTo,
} from '@portcullis/policy/risk';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { byDeadline } from '../pipeline/by-deadline.js';
import type { Question, RiskAssessor } from '../pipeline/ports.js';
import { SESSION_FIELDS } from '../session/naming.js';
import type { BaselineStore, RiskObserver } from './baselines/port.js';

/** Those outside who are asked too. */
export interface OutsideAnalysers {
  /** Rejects when one that is required did not answer as it must. */
  ask(question: Question, request: ContextualRequest): Promise<OutsideFindings>;
}

/** What the assessor is made of. */
export interface RiskAssessorParts {
  readonly parameters: RiskParameters;
  readonly halfLives: HalfLives;
  readonly baselines: BaselineStore;
  /** A baseline that takes longer is not known, in milliseconds. */
  readonly baselineTimeoutMs: number;
  /** Whether the risk is unavailable when the baselines cannot be read; otherwise that is only said. */
  readonly baselineRequired: boolean;
  readonly outside: OutsideAnalysers | undefined;
  readonly observer: Pick<RiskObserver, 'riskAssessed'>;
  readonly clock: Clock;
  /** Whether a request that names no session has none; what its session did is then not looked at, rather than unknown. */
  readonly unnamedHaveNone: boolean;
  /** Told which questions it was asked. */
  readonly assessed: Pick<WeakSet<Question>, 'add'>;
}

type Read = { readonly ok: true; readonly baseline: Baseline | undefined } | { readonly ok: false };

const OF_SESSION: ReadonlySet<string> = new Set(SESSION_FIELDS);

const NOBODY: OutsideFindings = { findings: [], notSeen: [] };

/**
 * Builds it. It rejects when a field that it looks at should be known and is not, when what is required outside does not
 * answer, and on any defect: the risk is then unavailable to policies, and whatever reads it is an error.
 */
export function createRiskAssessor(parts: RiskAssessorParts): RiskAssessor {
  const { parameters, halfLives, baselines, baselineTimeoutMs, baselineRequired, outside, observer, clock } = parts;
  const readBaseline = async ({ tenant_id: tenant, agent }: ContextualRequest): Promise<Read> => {
    try {
      const reading = baselines.read({ tenant, agent: agent.id }).then((kept) => ({ kept }));
      const answer = await byDeadline(reading, baselineTimeoutMs);
      if (answer === undefined) return { ok: false };
      const { kept } = answer;
      return { ok: true, baseline: kept && baselineAt(kept.counters, kept.since, clock.now(), halfLives) };
    } catch {
      return { ok: false };
    }
  };
  const assess = async (question: Question, request: ContextualRequest): Promise<IntentRisk> => {
    const hasNone = parts.unnamedHaveNone && request.context.session_id === undefined;
    const unknown = unavailableTo({ request, baseline: undefined, parameters }).filter(
      (field) => !hasNone || !OF_SESSION.has(field),
    );
    if (unknown.length > 0) throw unassessable(`not known: ${unknown.join(', ')}`);
    const [read, found] = await Promise.all([readBaseline(request), outside?.ask(question, request) ?? NOBODY]);
    if (!read.ok && baselineRequired) throw unassessable('the baseline of the agent cannot be read');
    const notSeen = [
      ...(hasNone ? ['what the session did (the request names none)'] : []),
      ...(read.ok ? [] : ['habits of the agent (store unavailable)']),
      ...found.notSeen,
    ];
    const baseline = read.ok ? read.baseline : undefined;
    return assessRisk({ request, baseline, parameters }, { findings: found.findings, notSeen });
  };
  return {
    reads: factsRead(parameters.disabled),
    assess: async (question, request) => {
      parts.assessed.add(question);
      try {
        const risk = await assess(question, request);
        observer.riskAssessed(risk.decision ?? 'ALLOW');
        return risk;
      } catch (error) {
        observer.riskAssessed('unavailable');
        throw error;
      }
    },
  };
}

function unassessable(why: string): PortcullisError {
  return new PortcullisError('ERR_RISK_UNAVAILABLE', 'unavailable', `the risk cannot be assessed: ${why}`);
}
