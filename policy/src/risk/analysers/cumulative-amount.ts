import { amountOf } from '../amounts.js';
import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { isFamiliar } from './familiar.js';

/** An amount so many times the usual one is unusual. */
const UNUSUAL_FACTOR = 5;

/** Sums that grow beyond a limit in small steps, or one that is far above the usual. */
export const CUMULATIVE_AMOUNT: Analyser = {
  signalType: 'cumulative_amount',
  description: 'The amounts of the recent past and this one exceed the limit, or this one is far above what is usual.',
  reads: ['tool.arguments'],
  needsBaseline: true,
  weight: 0.5,
  dimensions: { resource_abuse: 0.8, destructive_action: 0.4 },
  blindTo: 'currencies; amounts in free text or under other names; sums over several agents.',
  analyse: ({ request, baseline, parameters }: RiskSubject) => {
    const amount = amountOf(request);
    if (amount === undefined) return undefined;
    const sum = (baseline?.recentAmount ?? 0) + amount;
    const ofLimit = parameters.amountLimit > 0 ? sum / parameters.amountLimit : 0;
    const usual = isFamiliar(baseline, parameters) ? baseline.usualAmount : 0;
    const ofUsual = usual > 0 ? amount / usual : 0;
    const overLimit = ofLimit > 1 ? 0.6 + 0.2 * (ofLimit - 1) : 0;
    const overUsual = ofUsual > UNUSUAL_FACTOR ? 0.3 + 0.1 * Math.log2(ofUsual / UNUSUAL_FACTOR) : 0;
    const score = unit(Math.max(overLimit, overUsual));
    if (score === 0) return undefined;
    return {
      score,
      details: {
        ...(overLimit > 0 ? { of_limit: Math.round(ofLimit * 100) / 100 } : {}),
        ...(overUsual > 0 ? { of_usual: Math.round(ofUsual * 10) / 10 } : {}),
      },
    };
  },
};
