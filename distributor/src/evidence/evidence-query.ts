/** Asking what was stored. Every answer is bound to the tenants that whoever asks may see. */

import type { ChainEnd } from '@portcullis/policy/evidence';

/** The tenants that somebody may see; `*` for all of them, and for what belongs to none. */
export type TenantScope = '*' | readonly string[];

/** Which records are wanted: those that fit everything that is named. Texts are compared whole. */
export interface RecordFilter {
  readonly tenant?: string | undefined;
  readonly agent?: string | undefined;
  /** `server/name`, the name alone where there is no server, or the operation. */
  readonly tool?: string | undefined;
  /** The host of a connection, as it was decided. */
  readonly host?: string | undefined;
  /** The model of a call. */
  readonly model?: string | undefined;
  /** The effect of a decision, or what happened to an approval or a kill. */
  readonly effect?: string | undefined;
  /** `decision`, `approval`, `kill`. */
  readonly kind?: string | undefined;
  readonly decisionId?: string | undefined;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

/** Which part of an answer. */
export interface PageWish {
  /** Records at most, 1 to {@link MAX_PAGE}. */
  readonly limit: number;
  /** `next` of the page before; the first page without it. */
  readonly after?: string | undefined;
}

/** Most records of one page. */
export const MAX_PAGE = 200;

/** A record as it is stored. */
export interface FoundRecord {
  readonly writer: string;
  readonly seq: number;
  /** The exact text as it was sealed. */
  readonly line: string;
  /** Whether a verified checkpoint covers it. */
  readonly proven: boolean;
}

/** Some of the answer, newest first. */
export interface RecordPage {
  readonly records: readonly FoundRecord[];
  /** What to ask for the next page with; absent on the last one. */
  readonly next?: string;
}

/** What was found wrong with a chain. */
export interface FoundFinding {
  readonly writer: string;
  readonly code: string;
  readonly message: string;
  readonly seq?: number;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Where a chain stands. */
export interface ChainState {
  readonly end: ChainEnd;
  readonly provenTo: number;
  /** Records up to this one were dropped; 0 for none. */
  readonly droppedTo: number;
}

/** Reading what is stored. Every method rejects with `ERR_STORE_UNAVAILABLE` where the store cannot be asked. */
export interface EvidenceQuery {
  /**
   * Newest first by the time that the records say, then by chain and number.
   * @throws PortcullisError `ERR_EVIDENCE_INVALID` when the page is none.
   */
  records(scope: TenantScope, filter: RecordFilter, page: PageWish): Promise<RecordPage>;
  /** The records of an id: one, unless a writer took the id of another's. At most 10. */
  byId(scope: TenantScope, recordId: string): Promise<readonly FoundRecord[]>;
  /** Findings of one chain or of all, newest first, at most `limit` (1 to 1,000). For those who may see all tenants. */
  findings(of: { readonly writer?: string | undefined; readonly limit: number }): Promise<readonly FoundFinding[]>;
  /** Where a chain stands; `undefined` when nothing was ever said of the writer. */
  chain(writer: string): Promise<ChainState | undefined>;
  /** The newest checkpoints of a chain, oldest first: their notes. The one that covers what was dropped is among them. */
  checkpoints(writer: string, limit: number): Promise<readonly string[]>;
}
