/** The record of how a decision was carried out, where it ordered something taken out (ADR-0035). A link of the decisions' chain. */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

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

/** What is written down about it, as the PEP reports it. */
export interface EnforcementEntry {
  readonly kind: 'enforcement';
  /** The decision that was carried out. */
  readonly decision_id: string;
  /** Lower-case hex SHA-256 of its canonical request. */
  readonly request_digest: string;
  readonly tenant: string;
  readonly agent: string;
  readonly outcome: 'forwarded' | 'upstream_failed' | 'refused';
  readonly redaction: LayerNote;
  /** RFC 3339, UTC: when it was reported. */
  readonly at: string;
}

/** Seals it as the next link. */
export function sealEnforcement(entry: EnforcementEntry, link: ChainLink): SealedRecord {
  const { layers, ner } = entry.redaction;
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      agent: entry.agent,
      at: entry.at,
      decision_id: entry.decision_id,
      kind: entry.kind,
      outcome: entry.outcome,
      prev: link.prev,
      record_id: link.record_id,
      redaction: { layers, ner },
      request_digest: entry.request_digest,
      seq: link.seq,
      tenant: entry.tenant,
      writer: link.writer,
    }),
  );
}
