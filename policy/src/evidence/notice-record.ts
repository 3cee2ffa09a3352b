/** The record of a notice that a policy asked for with `notify` (ADR-0037). A link of the same chain as the decisions. */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

/** What is written down about a notice. */
export interface NoticeEntry {
  readonly kind: 'notice';
  /** Whether the webhook took it; `unnotified` after all attempts, without room for it, or where there is no such webhook. */
  readonly event: 'notified' | 'unnotified';
  readonly decision_id: string;
  /** `<layer>/<set>/<slug>` of the policies that asked for it. */
  readonly policies: readonly string[];
  /** The name by which they asked for it. */
  readonly webhook: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Seals what became of a notice as the next link. */
export function sealNotice(entry: NoticeEntry, link: ChainLink): SealedRecord {
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      at: entry.at,
      decision_id: entry.decision_id,
      event: entry.event,
      kind: entry.kind,
      policies: entry.policies,
      prev: link.prev,
      record_id: link.record_id,
      seq: link.seq,
      webhook: entry.webhook,
      writer: link.writer,
    }),
  );
}
