import { type Analyser, type RiskSubject, unit } from '../signal.js';

const SCORE_OF_DECISION = { ALLOW: 0, REVIEW: 0.6, BLOCK: 1 } as const;

/** What the caller itself says of its intent. */
export const REPORTED_RISK: Analyser = {
  signalType: 'reported_risk',
  description: 'The caller reported a risk with its request. It can only raise what is found here.',
  reads: ['intent_risk'],
  needsBaseline: false,
  weight: 0.7,
  dimensions: {},
  blindTo: 'whatever the caller does not say.',
  analyse: ({ request }: RiskSubject) => {
    const reported = request.intent_risk;
    if (reported === undefined) return undefined;
    const worst = Math.max(0, ...Object.values(reported.risk_dimensions ?? {}));
    const score = unit(Math.max(worst, SCORE_OF_DECISION[reported.decision ?? 'ALLOW']));
    if (score === 0) return undefined;
    return { score, details: reported.decision === undefined ? {} : { decision: reported.decision } };
  },
};
