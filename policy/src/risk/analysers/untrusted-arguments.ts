import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { POWER_FIELDS, powerOf, RUNG } from '../tool-power.js';

/** Arguments of a call that changes something were written by somebody else. */
export const UNTRUSTED_ARGUMENTS: Analyser = {
  signalType: 'untrusted_arguments',
  description:
    'Values of a call that changes or sends something came out of text that neither user nor operator wrote.',
  reads: ['facts.provenance', ...POWER_FIELDS],
  needsBaseline: false,
  weight: 0.55,
  dimensions: { prompt_injection: 0.7, data_exfiltration: 0.3 },
  blindTo: 'values that were rephrased on the way; a trusted value that somebody else made the agent choose.',
  analyse: ({ request, parameters }: RiskSubject) => {
    const power = powerOf(request);
    if (RUNG[power] === RUNG.read) return undefined;
    const untrusted = new Set(parameters.untrustedLabels);
    const paths = (request.facts?.provenance ?? [])
      .filter(({ labels }) => labels.some((label) => untrusted.has(label.toLowerCase())))
      .map(({ path }) => path);
    if (paths.length === 0) return undefined;
    return {
      score: unit(0.3 + 0.12 * RUNG[power] + 0.05 * (paths.length - 1)),
      details: { paths: paths.slice(0, 8), power },
    };
  },
};
