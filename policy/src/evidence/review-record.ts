/** The record of a review that a policy asked for with `escalate` (ADR-0024). A link of the same chain as the decisions. */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

/** What is written down about a review. Names and digests; a note is for those who may read the reviews. */
export interface ReviewEntry {
  readonly kind: 'review';
  /** `notified` and `unnotified`: a webhook took the notice, or did not after all attempts. */
  readonly event: 'opened' | 'notified' | 'unnotified' | 'closed';
  /** The decision that is to be reviewed; it is the review's name, too. */
  readonly decision_id: string;
  /** `<layer>/<set>/<slug>` of the policies that asked for it. */
  readonly policies: readonly string[];
  /** The name of the webhook, where one was told. */
  readonly webhook?: string;
  /** Who closed it. */
  readonly by?: string;
  /** Lower-case hex SHA-256 of the note that it was closed with. */
  readonly note_digest?: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Seals an event of a review as the next link. */
export function sealReview(entry: ReviewEntry, link: ChainLink): SealedRecord {
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      at: entry.at,
      by: entry.by,
      decision_id: entry.decision_id,
      event: entry.event,
      kind: entry.kind,
      note_digest: entry.note_digest,
      policies: entry.policies,
      prev: link.prev,
      record_id: link.record_id,
      seq: link.seq,
      webhook: entry.webhook,
      writer: link.writer,
    }),
  );
}
