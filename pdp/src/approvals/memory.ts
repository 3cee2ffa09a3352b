/** Approvals in this process: for one PDP. They are gone after a restart, and whatever was held is asked about again. */

import type { Clock } from '@portcullis/runtime';
import { createMemoryGrants } from './memory-grants.js';
import type { Approval, ApprovalCaps, ApprovalStore, Counted, Presented, VoidReason, Vote } from './port.js';
import { covers, isOpen, shownState } from './states.js';

interface Kept {
  approval: Approval;
  /** Who used it up. */
  usedBy: string;
  isEscalated: boolean;
}

const SWEEP_EVERY_MS = 1_000;

/** An empty store. Every operation is one synchronous step, hence atomic. */
export function createMemoryApprovalStore({ clock, caps }: { clock: Clock; caps: ApprovalCaps }): ApprovalStore {
  const kept = new Map<string, Kept>();
  const byBinding = new Map<string, string>();
  // The wall clock may be set; then an approval would last longer, or shorter, than people were told.
  const startedAt = clock.now() - clock.monotonic();
  const timeNow = (): number => startedAt + clock.monotonic();
  const grants = createMemoryGrants(timeNow, caps);
  let sweptAt = Number.NEGATIVE_INFINITY;

  const sweep = (now: number): void => {
    if (now - sweptAt < SWEEP_EVERY_MS) return;
    sweptAt = now;
    for (const [id, { approval }] of kept) {
      if (approval.expiresAt + caps.keepMs > now) continue;
      kept.delete(id);
      if (byBinding.get(approval.binding) === id) byBinding.delete(approval.binding);
    }
  };
  const shown = ({ approval }: Kept, now: number): Approval => ({ ...approval, state: shownState(approval, now) });
  const isFull = ({ tenant, agent }: Presented, now: number): boolean => {
    let ofTenant = 0;
    let ofAgent = 0;
    for (const { approval } of kept.values()) {
      if (approval.tenant !== tenant || !isOpen(approval, now)) continue;
      ofTenant += 1;
      if (approval.agent === agent) ofAgent += 1;
    }
    return ofTenant >= caps.perTenant || ofAgent >= caps.perAgent;
  };
  const known = (binding: string): Kept | undefined => kept.get(byBinding.get(binding) ?? '');
  const change = (entry: Kept, changes: Partial<Approval>): void => {
    entry.approval = { ...entry.approval, ...changes };
  };
  const ofTenant = (tenant: string, id: string): Kept | undefined => {
    const entry = kept.get(id);
    return entry?.approval.tenant === tenant ? entry : undefined;
  };
  const ask = (held: Presented, now: number, voided?: { readonly id: string; readonly reason: VoidReason }) => {
    if (isFull(held, now)) return { outcome: 'unknown', cause: 'full' } as const;
    const { attempt: _attempt, after: _after, lifetimeMs, ...terms } = held;
    const fresh = { state: 'pending', createdAt: now, expiresAt: now + lifetimeMs, votes: [], why: '' } as const;
    const entry: Kept = { approval: { ...terms, ...fresh }, usedBy: '', isEscalated: false };
    kept.set(held.id, entry);
    byBinding.set(held.binding, held.id);
    return { outcome: 'pending', approval: entry.approval, isNew: true, voided } as const;
  };

  return {
    ...grants,
    present: async (held) => {
      const now = timeNow();
      sweep(now);
      const drawnOn = held.after === '' ? grants.drawnBy(held.attempt) : undefined;
      if (drawnOn !== undefined) return { outcome: 'answered', id: drawnOn };
      const entry = known(held.binding);
      if (entry === undefined || entry.approval.expiresAt <= now) return ask(held, now);
      const { approval } = entry;
      const isRepeated = entry.usedBy === held.attempt && approval.id !== held.after;
      if (approval.state === 'consumed' && isRepeated) return { outcome: 'answered', id: approval.id };
      if (approval.state === 'consumed' || approval.state === 'revoked') return ask(held, now);
      const reason = unfit(approval, held);
      if (reason === 'behind') return { outcome: 'unknown', cause: 'behind' };
      if (reason !== undefined) {
        const voided = approval.state === 'denied' ? undefined : { id: approval.id, reason };
        if (voided !== undefined) change(entry, { state: 'revoked', why: reason });
        return ask(held, now, voided);
      }
      if (approval.state === 'denied') return { outcome: 'refused', approval };
      if (approval.state === 'pending') return { outcome: 'pending', approval, isNew: false, voided: undefined };
      change(entry, { state: 'consumed' });
      entry.usedBy = held.attempt;
      return { outcome: 'consumed', approval: entry.approval };
    },
    find: async (tenant, id) => {
      const entry = ofTenant(tenant, id);
      return entry === undefined ? undefined : shown(entry, timeNow());
    },
    list: async (tenant, { states, limit }) => {
      const now = timeNow();
      return [...kept.values()]
        .map((entry) => shown(entry, now))
        .filter((one) => one.tenant === tenant && (states.length === 0 || states.includes(one.state)))
        .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
        .slice(0, limit);
    },
    vote: async (tenant, id, vote): Promise<Counted> => {
      const now = timeNow();
      const entry = ofTenant(tenant, id);
      if (entry === undefined) return { outcome: 'missing' };
      const { approval } = entry;
      if (shownState(approval, now) !== 'pending') return { outcome: 'closed', approval: shown(entry, now) };
      if (approval.votes.some(({ person }) => person === vote.person)) return { outcome: 'repeated', approval };
      const votes = [...approval.votes, { ...vote, at: now }];
      change(entry, { votes, state: vote.says === 'deny' ? 'denied' : agreed(approval, votes) });
      return { outcome: 'counted', approval: entry.approval };
    },
    revoke: async (tenant, id, why): Promise<Counted> => {
      const now = timeNow();
      const entry = ofTenant(tenant, id);
      if (entry === undefined) return { outcome: 'missing' };
      if (!isOpen(entry.approval, now)) return { outcome: 'closed', approval: shown(entry, now) };
      change(entry, { state: 'revoked', why });
      return { outcome: 'counted', approval: entry.approval };
    },
    overdue: async (share, limit) => {
      const now = timeNow();
      const late = [...kept.values()]
        .filter(({ approval, isEscalated }) => !isEscalated && shownState(approval, now) === 'pending')
        .filter(({ approval }) => now >= approval.createdAt + share * (approval.expiresAt - approval.createdAt))
        .slice(0, limit);
      for (const entry of late) entry.isEscalated = true;
      return late.map(({ approval }) => approval);
    },
    close: async () => {
      kept.clear();
      byBinding.clear();
      grants.clear();
    },
  };
}

/** Why an approval no longer fits a request of the same binding. */
function unfit(approval: Approval, held: Presented): VoidReason | 'behind' | undefined {
  if (approval.bundle !== held.bundle) {
    if (held.releaseSeq < approval.releaseSeq) return 'behind';
    if (held.basis === '' || held.basis !== approval.basis) return 'release';
  }
  if (approval.definition !== held.definition) return 'definition';
  return covers(approval.needs, held.needs) ? undefined : 'terms';
}

function agreed({ needs }: Approval, votes: readonly Vote[]): 'approved' | 'pending' {
  const isMet = needs.every(({ hold, quorum }) => votes.filter(({ holds }) => holds.includes(hold)).length >= quorum);
  return isMet ? 'approved' : 'pending';
}
