import { instructionScore } from '../../content/injection/detect.js';
import { type Analyser, type RiskSubject, unit } from '../signal.js';
import { textsOf } from '../texts.js';

/** A label that whoever keeps sessions may give to a result in which instructions were found. */
export const INJECTION_LABEL = 'injected_instructions';
/** Below this a text is hardly more than polite. */
const NOTEWORTHY = 0.3;

/** Texts that speak to an assistant instead of about something. */
export const INJECTED_INSTRUCTIONS: Analyser = {
  signalType: 'injected_instructions',
  description:
    'A text of the request, or a result in its session, tries to instruct an assistant: to override its rules, to give up what it guards, to call tools.',
  reads: ['context.labels', 'tool.arguments', 'request.query', 'request.output'],
  needsBaseline: false,
  weight: 0.65,
  dimensions: { prompt_injection: 0.95 },
  blindTo: 'polite requests that read like any other sentence; languages without an entry in the lexicon; images.',
  analyse: ({ request }: RiskSubject) => {
    let best = { score: 0, features: [] as readonly string[], place: '' };
    for (const { place, text } of textsOf(request).texts) {
      const { score, features } = instructionScore(text);
      if (score > best.score) best = { score, features, place };
    }
    const isLabelled = request.context.labels?.includes(INJECTION_LABEL) ?? false;
    if (best.score < NOTEWORTHY && !isLabelled) return undefined;
    if (isLabelled && best.score < 0.8) return { score: 0.8, details: { place: 'session' } };
    return { score: unit(best.score), details: { place: best.place, features: [...best.features] } };
  },
};
