import { type ApprovalCaps, type ApprovalStore, DRAWN_MS, type Grant, MAX_GRANTS_PER_TARGET } from './port.js';

type GrantKeeper = Pick<ApprovalStore, 'keepGrant' | 'grantsFor' | 'grants' | 'findGrant' | 'draw' | 'revokeGrant'> & {
  /** The grant that an attempt drew on. */
  drawnBy(attempt: string): string | undefined;
  clear(): void;
};

/** Standing grants in this process. */
export function createMemoryGrants(timeNow: () => number, caps: ApprovalCaps): GrantKeeper {
  const kept = new Map<string, Grant>();
  /** By attempt, the oldest first. */
  const drawn = new Map<string, { readonly id: string; readonly until: number }>();
  const shown = (grant: Grant, now: number): Grant =>
    grant.state === 'active' && grant.expiresAt <= now ? { ...grant, state: 'expired' } : grant;
  const ofTenant = (tenant: string, id: string): Grant | undefined => {
    const grant = kept.get(id);
    return grant?.tenant === tenant ? grant : undefined;
  };
  const isUsable = (grant: Grant, now: number): boolean =>
    grant.state === 'active' && grant.expiresAt > now && grant.used < grant.count;
  const sweep = (now: number): void => {
    for (const [id, { expiresAt }] of kept) if (expiresAt + caps.keepMs <= now) kept.delete(id);
  };
  const drawnBy = (attempt: string): string | undefined => {
    const now = timeNow();
    for (const [one, { until }] of drawn) {
      if (until > now) break;
      drawn.delete(one);
    }
    return drawn.get(attempt)?.id;
  };

  return {
    keepGrant: async ({ lifetimeMs, ...grant }) => {
      const now = timeNow();
      sweep(now);
      const usable = [...kept.values()].filter((one) => isUsable(one, now));
      if (usable.filter(({ target }) => target === grant.target).length >= MAX_GRANTS_PER_TARGET) return false;
      if ([...kept.values()].filter(({ tenant }) => tenant === grant.tenant).length >= caps.grantsPerTenant)
        return false;
      const fresh = { createdAt: now, expiresAt: now + lifetimeMs, used: 0, spentMicros: 0, state: 'active' } as const;
      kept.set(grant.id, { ...grant, ...fresh });
      return true;
    },
    grantsFor: async (target) => {
      const now = timeNow();
      return [...kept.values()].filter((grant) => grant.target === target && isUsable(grant, now));
    },
    grants: async (tenant) => {
      const now = timeNow();
      return [...kept.values()]
        .filter((grant) => grant.tenant === tenant)
        .map((grant) => shown(grant, now))
        .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
    },
    findGrant: async (tenant, id) => {
      const grant = ofTenant(tenant, id);
      return grant === undefined ? undefined : shown(grant, timeNow());
    },
    draw: async (tenant, id, micros, attempt) => {
      const now = timeNow();
      if (drawnBy(attempt) !== undefined) return 'answered';
      const grant = ofTenant(tenant, id);
      if (grant === undefined || !isUsable(grant, now)) return 'nothing';
      const spentMicros = grant.spentMicros + micros;
      if (grant.budget !== undefined && spentMicros > grant.budget.micros) return 'nothing';
      kept.set(id, { ...grant, used: grant.used + 1, spentMicros });
      drawn.set(attempt, { id, until: now + DRAWN_MS });
      return 'drawn';
    },
    drawnBy,
    revokeGrant: async (tenant, id) => {
      const grant = ofTenant(tenant, id);
      if (grant === undefined || !isUsable(grant, timeNow())) return false;
      kept.set(id, { ...grant, state: 'revoked' });
      return true;
    },
    clear: () => {
      kept.clear();
      drawn.clear();
    },
  };
}
