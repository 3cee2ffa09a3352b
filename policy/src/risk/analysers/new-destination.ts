import { destinationsOf } from '../destination.js';
import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { POWER_FIELDS, powerOf, RUNG } from '../tool-power.js';
import { isFamiliar } from './familiar.js';

const FORGOTTEN = 0.05;
const MAX_NAMED = 8;

/** A host, domain or account to which this agent never sent anything. */
export const NEW_DESTINATION: Analyser = {
  signalType: 'new_destination',
  description: 'Something would go to a host, domain, account or agent to which this agent never sent anything.',
  reads: [...POWER_FIELDS, 'facts.sinks'],
  needsBaseline: true,
  weight: 0.4,
  dimensions: { data_exfiltration: 0.6 },
  blindTo: 'a new person at a known domain; destinations inside free text; an agent that is not known yet.',
  analyse: ({ request, baseline, parameters }: RiskSubject) => {
    if (!isFamiliar(baseline, parameters)) return undefined;
    // Whoever only reads somewhere new sends nothing there, unless the catalogue says that it does.
    const sends = RUNG[powerOf(request)] >= RUNG.send || request.facts?.sinks?.includes('egress') === true;
    if (!sends) return undefined;
    const unseen = destinationsOf(request).filter((one) => (baseline.hosts.get(one) ?? 0) < FORGOTTEN);
    if (unseen.length === 0) return undefined;
    return {
      score: unit(0.6 + 0.1 * (unseen.length - 1)),
      details: { destinations: unseen.slice(0, MAX_NAMED), count: unseen.length },
    };
  },
};
