/** The record of attempts that a PEP refused by itself, before a decision or in spite of one (ADR-0034). A link of the decisions' chain. */

import type { AttemptTarget } from '../model/attempt-target.js';
import type { DenyCode } from '../model/decision.js';
import type { Source } from '../model/request.js';
import { type ChainLink, type SealedRecord, sealText, targetText } from './record.js';

/** What is written down about them: names and codes, nothing of what was sent. */
export interface RefusalEntry {
  readonly kind: 'refusal';
  /** A UUID that the PEP gave it. */
  readonly refusal_id: string;
  /** Of the certificate that it was reported with. */
  readonly tenant: string;
  readonly agent: string;
  readonly source: Source;
  readonly code: DenyCode;
  /** The PEP's own word for why. */
  readonly reason?: string;
  /** The HTTP status that says the same. */
  readonly status: number;
  /** What they were about, as far as that was read. */
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** What they would have reached besides a tool, as far as that was read. */
  readonly target?: AttemptTarget;
  /** The decision that had allowed it, where there was one. */
  readonly decision_id?: string;
  /** How many that are alike. */
  readonly count: number;
  /** RFC 3339, UTC; the first, by the clock of the PEP. */
  readonly at: string;
  /** The last. */
  readonly last_at: string;
}

/** Seals refusals as the next link. They read like decisions to deny, so that whoever looks for denials finds them. */
export function sealRefusal(entry: RefusalEntry, link: ChainLink): SealedRecord {
  const { name, operation, server } = entry.tool;
  // In RFC 8785 order, as decisions are.
  return sealText(
    JSON.stringify({
      agent: entry.agent,
      at: entry.at,
      count: entry.count,
      decision_id: entry.decision_id,
      deny: [entry.code],
      effect: 'deny',
      kind: entry.kind,
      last_at: entry.last_at,
      prev: link.prev,
      reason: entry.reason,
      record_id: link.record_id,
      refusal_id: entry.refusal_id,
      seq: link.seq,
      source: entry.source,
      status: entry.status,
      target: entry.target === undefined ? undefined : targetText(entry.target),
      tenant: entry.tenant,
      tool: { name, operation, server },
      writer: link.writer,
    }),
  );
}
