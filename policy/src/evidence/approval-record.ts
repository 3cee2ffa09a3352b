/** What is written down about an approval or a grant: who agreed to what, and what became of it. */

import { type ChainLink, type SealedRecord, sealText } from './record.js';

/** What happened; closed. */
export const APPROVAL_EVENTS = [
  /** A request was held, and people are asked. */
  'requested',
  /** A person agreed. Written before it counts. */
  'approve',
  /** A person refused. Written before it counts. */
  'deny',
  /** A person took it back. Written before it counts. */
  'revoke',
  /** What people had been asked no longer fits: the release, the tool, or what is asked for is another. */
  'void',
  /** Nobody has answered for a while. */
  'escalated',
  /** The approval was used up for one attempt. Written before that is answered. */
  'consumed',
  /** A person made a standing grant of it. Written before it counts. */
  'grant',
  /** A person took a standing grant back. Written before it counts. */
  'revoke_grant',
  /** A standing grant was drawn on for one attempt. Written before that is answered. */
  'grant_used',
] as const;
/** What happened. */
export type ApprovalEvent = (typeof APPROVAL_EVENTS)[number];

/** A record of it. Digests and names, never arguments. */
export interface ApprovalEntry {
  readonly kind: 'approval';
  readonly event: ApprovalEvent;
  /** The approval's id, or the grant's where there is no approval. */
  readonly approval_id: string;
  readonly grant_id?: string;
  /** Digest of what the approval is bound to. */
  readonly binding: string;
  readonly tenant: string;
  readonly agent: string;
  /** The person, for what a person did. */
  readonly by?: string;
  /** Those who had agreed, for what was used. */
  readonly approvers?: readonly string[];
  /** What the person wrote, or why it is void. */
  readonly comment?: string;
  readonly bundle_digest: string;
  readonly release_seq: number;
  /** The request that it was used for, or that asked for it. */
  readonly request_digest?: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Seals it as the next link. Texts that are not well-formed Unicode have their lone surrogates replaced. */
export function sealApproval(entry: ApprovalEntry, link: ChainLink): SealedRecord {
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      agent: entry.agent,
      approval_id: entry.approval_id,
      approvers: entry.approvers,
      at: entry.at,
      binding: entry.binding,
      bundle_digest: entry.bundle_digest,
      by: entry.by,
      comment: entry.comment,
      event: entry.event,
      grant_id: entry.grant_id,
      kind: entry.kind,
      prev: link.prev,
      record_id: link.record_id,
      release_seq: entry.release_seq,
      request_digest: entry.request_digest,
      seq: link.seq,
      tenant: entry.tenant,
      writer: link.writer,
    }),
  );
}
