import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { POWER_FIELDS, powerOf, RUNG } from '../tool-power.js';

/** What cannot be undone is a risk by itself, and a greater one after text that others wrote. */
export const DESTRUCTIVE_OPERATION: Analyser = {
  signalType: 'destructive_operation',
  description: 'The tool pays, executes, destroys or grants; more so once the session holds text that others wrote.',
  reads: ['context.labels', ...POWER_FIELDS],
  needsBaseline: false,
  weight: 0.35,
  dimensions: { destructive_action: 0.5, privilege_escalation: 0.3 },
  blindTo: 'harm done by tools that only read, write or send; tools that hide behind harmless names.',
  analyse: ({ request, parameters }: RiskSubject) => {
    const power = powerOf(request);
    if (RUNG[power] < RUNG.pay) return undefined;
    const untrusted = new Set(parameters.untrustedLabels);
    const isTainted = request.context.labels?.some((label) => untrusted.has(label.toLowerCase())) ?? false;
    return {
      score: unit(0.15 * RUNG[power] + (isTainted ? 0.25 : 0)),
      details: { power, untrusted_session: isTainted },
    };
  },
};
