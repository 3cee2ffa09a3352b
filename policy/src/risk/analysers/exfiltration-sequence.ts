import type { PastAttempt } from '../../model/facts.js';
import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { POWER_FIELDS, powerOf, RUNG } from '../tool-power.js';

/** What counts as leaving. */
const OUTWARD: ReadonlySet<string> = new Set(['external_message', 'egress', 'external_model', 'payment', 'public']);

/** What was read in this session is sensitive, and this attempt would send something out. */
export const EXFILTRATION_SEQUENCE: Analyser = {
  signalType: 'exfiltration_sequence',
  description: 'The session read something sensitive, and this attempt would send something outside.',
  reads: ['facts.history', 'facts.sinks', 'facts.provenance', 'context.labels', ...POWER_FIELDS],
  needsBaseline: false,
  weight: 0.7,
  dimensions: { data_exfiltration: 0.9 },
  blindTo: 'sensitive data without a label or classification; what is sent in another session.',
  analyse: ({ request, parameters }: RiskSubject) => {
    const sinks = (request.facts?.sinks ?? []).filter((sink) => OUTWARD.has(sink));
    const power = powerOf(request);
    const isOutward = sinks.length > 0 || power === 'send' || power === 'pay';
    if (!isOutward) return undefined;
    const sensitive = new Set(parameters.sensitiveLabels);
    const isSensitive = (labels: readonly string[] | undefined): boolean =>
      labels?.some((label) => sensitive.has(label.toLowerCase())) ?? false;
    const carried = (request.facts?.provenance ?? []).some(({ labels }) => isSensitive(labels));
    const held =
      isSensitive(request.context.labels) ||
      isSensitive([request.context.data_classification ?? '']) ||
      (request.facts?.history ?? []).some((past) => isRead(past) && isSensitive(past.labels));
    if (!carried && !held) return undefined;
    // A named sink is a fact of the catalogue; a verb in a tool's name is a guess.
    const certainty = sinks.length > 0 ? 1 : 0.1 * RUNG[power] + 0.5;
    return {
      score: unit(certainty * (carried ? 1 : 0.7)),
      details: { sensitive: carried ? 'arguments' : 'session', ...(sinks.length > 0 ? { sinks } : { power }) },
    };
  },
};

function isRead(past: PastAttempt): boolean {
  return past.effect === 'allow';
}
