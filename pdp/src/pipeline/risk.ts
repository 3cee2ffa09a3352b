/** Fourth stage: what the attempt is after, judged only for bundles that read it. */

import type { FoundRisk } from '@portcullis/policy/evidence';
import { type IntentRisk, overlapsAny } from '@portcullis/policy/model';
import { OVERALL } from '@portcullis/policy/risk';
import { byDeadline } from './by-deadline.js';
import { type AssessedRequest, type ContextualRequest, mintAssessed } from './chain.js';
import type { Question, RiskAssessor } from './ports.js';
import { supplemented, unavailable } from './supplement.js';

const RISK = 'intent_risk';

/** At once without an assessor, or for a bundle that does not read the risk. A risk that is not known is unavailable. */
export function assess(
  contextual: ContextualRequest,
  question: Question,
  assessor: RiskAssessor | undefined,
  leftMs: number,
): AssessedRequest | Promise<AssessedRequest> {
  const { request, snapshot } = contextual;
  if (assessor === undefined || !readsRisk(snapshot.engine.factsNeeded)) return mintAssessed({ contextual, request });
  return assessed(contextual, question, assessor, leftMs);
}

/** Whether a bundle that needs these fields reads the risk. */
export function readsRisk(factsNeeded: readonly string[]): boolean {
  return overlapsAny(RISK, factsNeeded);
}

async function assessed(
  contextual: ContextualRequest,
  question: Question,
  assessor: RiskAssessor,
  leftMs: number,
): Promise<AssessedRequest> {
  const { request } = contextual;
  try {
    const risk = await byDeadline(Promise.resolve(assessor.assess(question, request)), leftMs);
    if (risk !== undefined) {
      return mintAssessed({ contextual, request: { ...request, intent_risk: risk }, risk: foundRisk(risk) });
    }
  } catch {
    // Not known, as when it is late.
  }
  return mintAssessed({ contextual, request: supplemented(request, unavailable([RISK])), risk: UNKNOWN });
}

const UNKNOWN: FoundRisk = { decision: 'UNKNOWN', signals: [] };
/** Records are bounded: analysers outside, and what the caller reported, may name as many signals as they like. */
const MAX_SIGNALS = 32;
const MAX_SIGNAL = 128;

/** What its record says of a risk. */
function foundRisk({ decision = 'ALLOW', behavioral_signals: found = [], risk_dimensions: by }: IntentRisk): FoundRisk {
  const signals = new Set(found.map(({ signal_type: type }) => type.slice(0, MAX_SIGNAL)));
  const score = by?.[OVERALL];
  return { decision, ...(score === undefined ? {} : { score }), signals: [...signals].slice(0, MAX_SIGNALS) };
}
