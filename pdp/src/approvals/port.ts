/** What people were asked and said (contracts §7, ADR-0016): what a store of it promises, whoever keeps it. */

import type { JsonObject } from '@portcullis/policy/model';

/** What one rule asks of people. */
export interface Need {
  /** `<layer>/<set>/<slug>` of the rule. */
  readonly hold: string;
  readonly type: 'require_approval' | 'require_hitl';
  /** The role (`require_approval`) or group (`require_hitl`) whose members may agree. */
  readonly who: string;
  /** Distinct people who must agree; 1 to 10. */
  readonly quorum: number;
}

/** What an approval stands and falls with besides the request. */
export interface Circumstances {
  /** Sorted by `hold`; at least one, no hold twice. */
  readonly needs: readonly Need[];
  /** Digest of the bundle whose rules ask. */
  readonly bundle: string;
  readonly releaseSeq: number;
  /** The tool's pinned definition; empty where there is none. */
  readonly definition: string;
}

/** The states that are kept; an open one past its expiry reads as `expired`. */
export const APPROVAL_STATES = ['pending', 'approved', 'denied', 'consumed', 'expired', 'revoked'] as const;
/** A state. */
export type ApprovalState = (typeof APPROVAL_STATES)[number];

/** What one person said. */
export interface Vote {
  readonly person: string;
  readonly says: 'approve' | 'deny';
  /** The holds that it counts for. */
  readonly holds: readonly string[];
  readonly comment: string;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly at: number;
}

/** An approval as it is kept. Times are milliseconds since the epoch, by the store's clock. */
export interface Approval extends Circumstances {
  readonly id: string;
  /** Digest of what the hold rests on; empty when nobody can say. With another bundle, an equal one is as good. */
  readonly basis: string;
  /** Digest of what it is bound to ({@link bindingOf}). */
  readonly binding: string;
  readonly tenant: string;
  readonly agent: string;
  readonly state: ApprovalState;
  readonly createdAt: number;
  /** People must have answered, and the answer must have been used, before. */
  readonly expiresAt: number;
  readonly votes: readonly Vote[];
  /** Why it is void, or who took it back; empty otherwise. */
  readonly why: string;
  /** What people are shown; opaque to the store. */
  readonly about: JsonObject;
}

/** A held request, as the store needs to know it. */
export interface Presented extends Circumstances {
  /** Digest of what the hold rests on; empty when nobody can say. With another bundle, an equal one is as good. */
  readonly basis: string;
  /** A UUID, for a new approval. */
  readonly id: string;
  readonly binding: string;
  /** The attempt, the same for every repetition of it at any PDP. */
  readonly attempt: string;
  /** The approval that whoever asks has used up for this attempt a moment ago; empty when there is none. */
  readonly after: string;
  readonly tenant: string;
  readonly agent: string;
  /** How long people may take, and the answer may be used, in milliseconds. */
  readonly lifetimeMs: number;
  readonly about: JsonObject;
}

/** Why an approval is void. */
export const VOID_REASONS = ['release', 'definition', 'terms', 'store'] as const;
/** Why an approval is void. */
export type VoidReason = (typeof VOID_REASONS)[number];

/** Why nobody can tell: too many are open, or another PDP knows a newer release. */
export type UnknownApproval = 'full' | 'behind';

/** What became of a held request. */
export type Presentation =
  /** People are asked. `voided` is an earlier approval of the same request that no longer fits. */
  | {
      readonly outcome: 'pending';
      readonly approval: Approval;
      readonly isNew: boolean;
      readonly voided: { readonly id: string; readonly reason: VoidReason } | undefined;
    }
  /** People had agreed, and this attempt has used it up. Nobody else ever gets this answer for it. */
  | { readonly outcome: 'consumed'; readonly approval: Approval }
  /** Somebody refused. */
  | { readonly outcome: 'refused'; readonly approval: Approval }
  /** This very attempt has used up the approval, or drawn on the grant, of that id already; somebody else answers, or answered. */
  | { readonly outcome: 'answered'; readonly id: string }
  | { readonly outcome: 'unknown'; readonly cause: UnknownApproval };

/** What a vote or a revocation came to. */
export type Counted =
  | { readonly outcome: 'counted'; readonly approval: Approval }
  /** The person has spoken already. */
  | { readonly outcome: 'repeated'; readonly approval: Approval }
  /** It is not open any more. */
  | { readonly outcome: 'closed'; readonly approval: Approval }
  | { readonly outcome: 'missing' };

/** A standing grant: requests that match it need not be asked about one by one. */
export interface Grant extends Circumstances {
  readonly id: string;
  readonly tenant: string;
  readonly agent: string;
  /** Digest of what every request must have in common with the approved one ({@link targetOf}). */
  readonly target: string;
  /** By the names of arguments, the digests of the values that they must have. Others are not admitted unless they may vary. */
  readonly arguments: { readonly [name: string]: string };
  /** Names of arguments that may have any value or be absent. */
  readonly vary: readonly string[];
  /** Uses in all. */
  readonly count: number;
  /** A numeric argument and what it may add up to, in millionths. */
  readonly budget?: { readonly argument: string; readonly micros: number };
  readonly createdBy: string;
  /** The approval that it was made of. */
  readonly approval: string;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly used: number;
  readonly spentMicros: number;
  readonly state: 'active' | 'revoked' | 'expired';
  readonly about: JsonObject;
}

/** What an attempt drew: it took one use, there was nothing to take, or it has drawn already, on this grant or another. */
export type Drawing = 'drawn' | 'nothing' | 'answered';

/** A grant to be kept. */
export interface NewGrant extends Omit<Grant, 'createdAt' | 'expiresAt' | 'used' | 'spentMicros' | 'state'> {
  readonly lifetimeMs: number;
}

/** Which approvals are wanted. */
export interface ApprovalFilter {
  /** All when empty. */
  readonly states: readonly ApprovalState[];
  /** 1 to 1000; the newest. */
  readonly limit: number;
}

/**
 * The keeper. Every operation is one atomic step with the store's own clock, and rejects with a `PortcullisError` of kind
 * `unavailable` when the store cannot be asked: whether it took place is then not known.
 */
export interface ApprovalStore {
  /** Attaches to the approval that is bound to the same request, uses it up when people agreed, or asks for a new one. */
  present(held: Presented): Promise<Presentation>;
  find(tenant: string, id: string): Promise<Approval | undefined>;
  list(tenant: string, filter: ApprovalFilter): Promise<readonly Approval[]>;
  /** One voice per person. A refusal ends it; it is approved once every need has its quorum. */
  vote(tenant: string, id: string, vote: Omit<Vote, 'at'>): Promise<Counted>;
  /** Takes back what is pending or approved. */
  revoke(tenant: string, id: string, why: string): Promise<Counted>;
  /** Approvals of all tenants that have been pending for longer than that share of their time; each is given out once. */
  overdue(share: number, limit: number): Promise<readonly Approval[]>;
  /** False when the target, or the tenant, has as many as it may. */
  keepGrant(grant: NewGrant): Promise<boolean>;
  /** Those of a target that can still be drawn on. */
  grantsFor(target: string): Promise<readonly Grant[]>;
  grants(tenant: string): Promise<readonly Grant[]>;
  findGrant(tenant: string, id: string): Promise<Grant | undefined>;
  /** Takes one use and so many millionths for this attempt, or nothing. Within {@link DRAWN_MS} an attempt draws once. */
  draw(tenant: string, id: string, micros: number, attempt: string): Promise<Drawing>;
  /** False when there is no such grant that could still be used. */
  revokeGrant(tenant: string, id: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Bounds of a store. */
export interface ApprovalCaps {
  /** Open approvals (pending, or approved and not used) of one agent. */
  readonly perAgent: number;
  readonly perTenant: number;
  /** Standing grants of one tenant. */
  readonly grantsPerTenant: number;
  /** What is over can be looked at for so long, in milliseconds. */
  readonly keepMs: number;
}

/** How long an attempt is known to have drawn, in milliseconds; far longer than anybody waits for its answer. */
export const DRAWN_MS = 60_000;

/** Standing grants of one target. */
export const MAX_GRANTS_PER_TARGET = 16;

/** What a store is asked to do; closed list, labels of a metric. */
export const APPROVAL_OPERATIONS = [
  'present',
  'find',
  'list',
  'vote',
  'revoke',
  'overdue',
  'keep_grant',
  'grants_for',
  'grants',
  'find_grant',
  'draw',
  'revoke_grant',
] as const;
/** What a store is asked to do. */
export type ApprovalOperation = (typeof APPROVAL_OPERATIONS)[number];
