import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { isFamiliar } from './familiar.js';

/** Many more attempts a minute than this agent usually makes. */
export const UNUSUAL_VOLUME: Analyser = {
  signalType: 'unusual_volume',
  description: 'The agent attempts many times more a minute than it usually does.',
  reads: [],
  needsBaseline: true,
  weight: 0.4,
  dimensions: { resource_abuse: 0.9, goal_drift: 0.2 },
  blindTo: 'a rate that was raised slowly enough to become the habit; an agent that is not known yet.',
  analyse: ({ baseline, parameters }: RiskSubject) => {
    if (!isFamiliar(baseline, parameters)) return undefined;
    const { recentPerMinute, usualPerMinute } = baseline;
    if (recentPerMinute <= parameters.burstFloorPerMinute) return undefined;
    const factor = recentPerMinute / Math.max(usualPerMinute, 1 / 60);
    if (factor <= parameters.burstFactor) return undefined;
    return {
      // From 0.5 at the factor to 1 at four times the factor.
      score: unit(0.5 + Math.log2(factor / parameters.burstFactor) / 4),
      details: { per_minute: Math.round(recentPerMinute), usual_per_minute: Math.round(usualPerMinute * 10) / 10 },
    };
  },
};
