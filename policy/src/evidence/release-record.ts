/** The record of a release that a PDP put in force. A link of the same chain as its decisions. */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

/** What is written down about a release. Its own signatures prove who made it. */
export interface ReleaseEntry {
  readonly kind: 'release';
  /** Also after a restart, when it was in force before. */
  readonly event: 'activated';
  readonly env: string;
  /** The release channel. */
  readonly channel: string;
  readonly release_seq: number;
  readonly bundle_digest: string;
  readonly policy_version: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Seals a release as the next link. */
export function sealRelease(entry: ReleaseEntry, link: ChainLink): SealedRecord {
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      at: entry.at,
      bundle_digest: entry.bundle_digest,
      channel: entry.channel,
      env: entry.env,
      event: entry.event,
      kind: entry.kind,
      policy_version: entry.policy_version,
      prev: link.prev,
      record_id: link.record_id,
      release_seq: entry.release_seq,
      seq: link.seq,
      writer: link.writer,
    }),
  );
}
