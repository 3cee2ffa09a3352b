/** The record of a kill that a PDP put in force, or lifted (ADR-0018). A link of the same chain as its decisions. */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

/** What is written down about a kill. Who may stop and lift is proven by the signed list that `list_digest` names. */
export interface KillEntry {
  readonly kind: 'kill';
  /** `restored`: in force again after a restart. */
  readonly event: 'applied' | 'lifted' | 'restored';
  readonly kill_id: string;
  /** As people write it: `agent acme/a1`, `tool github/delete_repo`, `all`. */
  readonly scope: string;
  readonly reason: string;
  /** Who stopped it, as the list says. */
  readonly actor: string;
  /** When it ends by itself, RFC 3339; absent for never. */
  readonly expires?: string;
  readonly list_seq: number;
  /** Lower-case hex SHA-256 of the signed list that applied or lifted it. */
  readonly list_digest: string;
  /** How that reached the PDP; from its own disk after a restart. */
  readonly path: 'direct' | 'channel' | 'disk';
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Seals a kill as the next link. */
export function sealKill(entry: KillEntry, link: ChainLink): SealedRecord {
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      actor: entry.actor,
      at: entry.at,
      event: entry.event,
      expires: entry.expires,
      kill_id: entry.kill_id,
      kind: entry.kind,
      list_digest: entry.list_digest,
      list_seq: entry.list_seq,
      path: entry.path,
      prev: link.prev,
      reason: entry.reason,
      record_id: link.record_id,
      scope: entry.scope,
      seq: link.seq,
      writer: link.writer,
    }),
  );
}
