/** The record of how a decision was carried out, where it ordered something taken out (ADR-0035). A link of the decisions' chain. */

import type { LayerNote } from '../model/redaction-layers.js';
import { type ChainLink, type SealedRecord, sealText } from './record.js';

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
