import { recognise } from '../../content/recognise.js';
import { destinationsOf } from '../destination.js';
import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { textsOf } from '../texts.js';
import { powerOf, RUNG } from '../tool-power.js';

/** Findings below this are patterns without proof. */
const CERTAIN = 0.5;
/** These identify nobody by themselves, or are what a message is addressed by. */
const HARMLESS: ReadonlySet<string> = new Set([
  'URL',
  'DOMAIN_NAME',
  'IP_ADDRESS',
  'EMAIL_ADDRESS',
  'DATE_TIME',
  'PHONE_NUMBER',
]);

type Family = 'secret' | 'pii';

function countsOf({ request }: RiskSubject, family: Family): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { text } of textsOf(request).texts) {
    for (const found of recognise(text, { families: [family] })) {
      if (found.score < CERTAIN || HARMLESS.has(found.type)) continue;
      counts[found.type] = (counts[found.type] ?? 0) + 1;
    }
  }
  return counts;
}

/** Whether the attempt lets content out. */
function isOutbound({ request }: RiskSubject): boolean {
  if (request.request !== undefined) return true;
  return RUNG[powerOf(request)] >= RUNG.send || destinationsOf(request).length > 0;
}

/** A key, token or password in what would go out. */
export const SECRET_OUTBOUND: Analyser = {
  signalType: 'credential_access',
  description: 'What would leave holds a key, token, password or private key.',
  reads: ['tool.arguments', 'request.query', 'egress.path'],
  needsBaseline: false,
  weight: 0.8,
  dimensions: { data_exfiltration: 0.9, privilege_escalation: 0.4 },
  blindTo: 'secrets of unknown form and little entropy; what is encrypted or split over several attempts.',
  analyse: (subject: RiskSubject) => {
    if (!isOutbound(subject)) return undefined;
    const counts = countsOf(subject, 'secret');
    return Object.keys(counts).length === 0 ? undefined : { score: 1, details: { found: counts } };
  },
};

/** Personal data in what would go out. */
export const PERSONAL_DATA_OUTBOUND: Analyser = {
  signalType: 'personal_data_outbound',
  description: 'What would leave holds card, bank or identity numbers whose check digits are right.',
  reads: ['tool.arguments', 'request.query', 'egress.path'],
  needsBaseline: false,
  weight: 0.45,
  dimensions: { data_exfiltration: 0.6 },
  blindTo: 'names, addresses and everything that takes a language model to recognise.',
  analyse: (subject: RiskSubject) => {
    if (!isOutbound(subject)) return undefined;
    const counts = countsOf(subject, 'pii');
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    return { score: unit(0.5 + 0.1 * total), details: { found: counts } };
  },
};
