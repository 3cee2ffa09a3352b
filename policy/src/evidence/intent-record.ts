/** The record of what an attempt was thought to be after, which a policy asked for with `log_intent_signals` (ADR-0037). */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

/** What is written down about it. Names and numbers: explanations and details may quote what an agent composed. */
export interface IntentEntry {
  readonly kind: 'intent';
  readonly decision_id: string;
  readonly tenant: string;
  readonly agent: string;
  /** `UNKNOWN`: nobody could tell. */
  readonly decision: 'ALLOW' | 'REVIEW' | 'BLOCK' | 'UNKNOWN';
  /** Types of signals, each once. */
  readonly signals: readonly string[];
  /** By dimension. */
  readonly dimensions: { readonly [dimension: string]: number };
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Seals it as the next link. */
export function sealIntent(entry: IntentEntry, link: ChainLink): SealedRecord {
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      agent: entry.agent,
      at: entry.at,
      decision: entry.decision,
      decision_id: entry.decision_id,
      dimensions: Object.fromEntries(Object.entries(entry.dimensions).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      kind: entry.kind,
      prev: link.prev,
      record_id: link.record_id,
      seq: link.seq,
      signals: entry.signals,
      tenant: entry.tenant,
      writer: link.writer,
    }),
  );
}
