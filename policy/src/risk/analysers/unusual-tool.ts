import { toolOf } from '../baseline.js';
import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { POWER_FIELDS, powerOf, RUNG } from '../tool-power.js';
import { isFamiliar } from './familiar.js';

/** Below this a counter has faded away, and so has the habit. */
const FORGOTTEN = 0.05;

/** A tool that this agent was never allowed before. */
export const UNUSUAL_TOOL: Analyser = {
  signalType: 'unusual_tool',
  description: 'The agent never used this tool before; the more the tool can do, the more it says.',
  reads: [...POWER_FIELDS],
  needsBaseline: true,
  weight: 0.35,
  dimensions: { goal_drift: 0.6, privilege_escalation: 0.4 },
  blindTo: 'a familiar tool with unfamiliar arguments; an agent that is not known yet.',
  analyse: ({ request, baseline, parameters }: RiskSubject) => {
    const tool = toolOf(request);
    if (tool === undefined || !isFamiliar(baseline, parameters)) return undefined;
    if ((baseline.tools.get(tool) ?? 0) >= FORGOTTEN) return undefined;
    const power = powerOf(request);
    return { score: unit(0.3 + 0.14 * RUNG[power]), details: { power } };
  },
};
