/** Which layers search what a decision orders to be redacted (contracts §8, ADR-0035). */

/** What may search: recognisers with their checks, those of secrets, a policy's own patterns, fields by name, a service that knows names. */
export const REDACTION_LAYERS = ['recognisers', 'secrets', 'patterns', 'fields', 'ner'] as const;
/** A layer. */
export type RedactionLayer = (typeof REDACTION_LAYERS)[number];

/** How asking a service for names ended; `unneeded`: there was nothing to ask about. */
export const NER_OUTCOMES = ['answered', 'unneeded', 'failed', 'late'] as const;
/** See {@link NER_OUTCOMES}. */
export type NerOutcome = (typeof NER_OUTCOMES)[number];

/** What searched what is carried out under one decision. */
export interface LayerNote {
  /** Those that ran, in the order of {@link REDACTION_LAYERS}. */
  readonly layers: readonly RedactionLayer[];
  /** How asking the service ended, the worst of several; absent where nobody ordered it. */
  readonly ner?: NerOutcome;
}
