import { type ApprovalCaps, type ApprovalStore, type Grant, MAX_GRANTS_PER_TARGET } from './port.js';

type GrantKeeper = Pick<ApprovalStore, 'keepGrant' | 'grantsFor' | 'grants' | 'findGrant' | 'draw' | 'revokeGrant'> & {
  clear(): void;
};

/** Standing grants in this process. */
export function createMemoryGrants(timeNow: () => number, caps: ApprovalCaps): GrantKeeper {
  const kept = new Map<string, Grant>();
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
    draw: async (tenant, id, micros) => {
      const grant = ofTenant(tenant, id);
      if (grant === undefined || !isUsable(grant, timeNow())) return false;
      const spentMicros = grant.spentMicros + micros;
      if (grant.budget !== undefined && spentMicros > grant.budget.micros) return false;
      kept.set(id, { ...grant, used: grant.used + 1, spentMicros });
      return true;
    },
    revokeGrant: async (tenant, id) => {
      const grant = ofTenant(tenant, id);
      if (grant === undefined || !isUsable(grant, timeNow())) return false;
      kept.set(id, { ...grant, state: 'revoked' });
      return true;
    },
    clear: () => kept.clear(),
  };
}
