import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { MAX_SCANNED, textsOf } from '../texts.js';

/** What was too long to be looked through may hold anything. */
export const UNSCANNED_CONTENT: Analyser = {
  signalType: 'unscanned_content',
  description: `Texts of the request are longer than the ${MAX_SCANNED} units that are looked through.`,
  reads: ['tool.arguments', 'request.query', 'request.output'],
  needsBaseline: false,
  weight: 0.3,
  dimensions: { data_exfiltration: 0.3, prompt_injection: 0.3 },
  blindTo: 'nothing; but it says nothing of what the rest holds.',
  analyse: ({ request }: RiskSubject) => {
    const { unscanned } = textsOf(request);
    if (unscanned === 0) return undefined;
    return { score: unit(0.5 + unscanned / (4 * MAX_SCANNED)), details: { units: unscanned } };
  },
};
