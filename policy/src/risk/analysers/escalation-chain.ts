import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { POWER_FIELDS, powerOf, powerOfName, RUNG } from '../tool-power.js';

/** Attempts of the past that are looked at. */
const RECENT = 20;
/** A chain has at least so many steps up, this attempt included. */
const MIN_STEPS = 2;

/** One operation after the other of rising power, up to one that is hard to undo. */
export const ESCALATION_CHAIN: Analyser = {
  signalType: 'escalation_chain',
  description:
    'The recent attempts of the session grew in power step by step, and this one can execute, destroy or grant.',
  reads: ['facts.history', ...POWER_FIELDS],
  needsBaseline: false,
  weight: 0.5,
  dimensions: { privilege_escalation: 0.8, destructive_action: 0.6 },
  blindTo: 'tools whose names and catalogue entries do not say what they can do; chains across sessions.',
  analyse: ({ request }: RiskSubject) => {
    const history = request.facts?.history?.slice(-RECENT);
    const now = RUNG[powerOf(request)];
    if (history === undefined || now < RUNG.execute) return undefined;
    let top = -1;
    const climbed: string[] = [];
    for (const { tool, kind } of history) {
      if (kind !== 'tool_call' || tool === undefined) continue;
      const power = powerOfName(tool) ?? 'write';
      if (RUNG[power] <= top) continue;
      if (top >= 0) climbed.push(power);
      top = RUNG[power];
    }
    if (top < 0 || now <= top) return undefined;
    const steps = climbed.length + 1;
    if (steps < MIN_STEPS) return undefined;
    return { score: unit(0.3 + 0.2 * steps), details: { steps, powers: [...climbed, powerOf(request)] } };
  },
};
