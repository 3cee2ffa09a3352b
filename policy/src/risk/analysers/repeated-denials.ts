import { type Analyser, type RiskSubject, unit } from '../signal.js';

/** Attempts of the past that are looked at: an old denial is forgiven. */
const RECENT = 20;

/** An agent that goes on trying what it is not given. */
export const REPEATED_DENIALS: Analyser = {
  signalType: 'repeated_denials',
  description: 'Several of the recent attempts of the session, or of the agent, were denied.',
  reads: ['facts.history'],
  needsBaseline: true,
  weight: 0.4,
  dimensions: { goal_drift: 0.5, privilege_escalation: 0.5 },
  blindTo: 'denials by others than this plane; trying that is slower than the memory.',
  analyse: ({ request, baseline, parameters }: RiskSubject) => {
    const history = request.facts?.history?.slice(-RECENT) ?? [];
    const inSession = history.filter(({ effect }) => effect === 'deny').length;
    const denials = Math.max(inSession, Math.round(baseline?.recentDenials ?? 0));
    if (denials < parameters.denials) return undefined;
    return {
      score: unit(0.4 + (0.1 * (denials - parameters.denials + 1) * 3) / parameters.denials),
      details: { denials },
    };
  },
};
