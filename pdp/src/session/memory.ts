/** Sessions in this process: for one PDP. They are gone with it, and so is what was known of them. */

import type { Clock } from '@portcullis/runtime';
import type { SessionReading, SessionStore, StoredKey, StoreLimits, Unknown } from './port.js';

/** How the store is made. */
export interface MemorySessionOptions extends StoreLimits {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** All texts together, in characters; a session that would go beyond takes the room of others of its tenant. */
  readonly maxTotal: number;
  /** Told the new label epoch, which only grows. */
  readonly onLabelEpoch: (epoch: number) => void;
}

interface Kept {
  readonly version: string;
  readonly text: string;
  readonly touchedAt: number;
}

interface Tenant {
  /** Least recently touched first. */
  readonly live: Map<string, Kept>;
  /** Until when it is known that there was a session. The first to end first, because all are remembered equally long. */
  readonly known: Map<string, number>;
}

/** An empty store. Every operation is one synchronous step, hence atomic. */
export function createMemorySessionStore(options: MemorySessionOptions): SessionStore {
  const { clock, idleMs, rememberMs, maxSessions, maxRemembered, maxTotal, warmUpMs, onLabelEpoch } = options;
  const tenants = new Map<string, Tenant>();
  const since = clock.monotonic();
  let labelEpoch = 0;
  let total = 0;

  const tenantOf = (key: StoredKey): Tenant => {
    const tenant = tenants.get(key.tenant) ?? { live: new Map(), known: new Map() };
    tenants.set(key.tenant, tenant);
    return tenant;
  };
  const drop = ({ live }: Tenant, member: string): void => {
    total -= live.get(member)?.text.length ?? 0;
    live.delete(member);
  };
  const remember = ({ known }: Tenant, member: string, now: number): void => {
    known.delete(member);
    known.set(member, now + rememberMs);
  };
  const hasRoom = ({ known }: Tenant, now: number): boolean => {
    for (const [member, until] of known) {
      if (until > now) break;
      known.delete(member);
    }
    return known.size < maxRemembered;
  };
  const liveOf = (tenant: Tenant, member: string, now: number): Kept | undefined => {
    const kept = tenant.live.get(member);
    if (kept === undefined || kept.touchedAt + idleMs > now) return kept;
    drop(tenant, member);
    return undefined;
  };
  /** Nothing when it is known that there never was such a session. */
  const absence = (tenant: Tenant, member: string, now: number): Unknown | undefined => {
    if ((tenant.known.get(member) ?? 0) > now) {
      remember(tenant, member, now);
      return unknown('forgotten');
    }
    if (now - since >= warmUpMs) return undefined;
    // It stays unknown when the others are believed again: nobody can tell what it has done before.
    if (hasRoom(tenant, now)) remember(tenant, member, now);
    return unknown('warm_up');
  };
  const keep = (tenant: Tenant, member: string, kept: Kept): void => {
    drop(tenant, member);
    tenant.live.set(member, kept);
    total += kept.text.length;
    remember(tenant, member, kept.touchedAt);
    // In the end its own as well, when other tenants have all the room: it is forgotten rather than they.
    for (const [oldest, { touchedAt }] of tenant.live) {
      const isOver = tenant.live.size > maxSessions || total > maxTotal;
      if (!isOver && touchedAt + idleMs > kept.touchedAt) break;
      drop(tenant, oldest);
    }
  };

  return {
    read: async (key, known): Promise<SessionReading> => {
      const now = clock.monotonic();
      const tenant = tenantOf(key);
      const kept = liveOf(tenant, key.member, now);
      if (kept === undefined) return absence(tenant, key.member, now) ?? { outcome: 'new' };
      return kept.version === known ? { outcome: 'same' } : { outcome: 'kept', version: kept.version, text: kept.text };
    },
    replace: async (key, { previous, version, text, labelsChanged }) => {
      const now = clock.monotonic();
      const tenant = tenantOf(key);
      const kept = liveOf(tenant, key.member, now);
      if (kept?.version !== previous) {
        if (kept !== undefined) return { outcome: 'conflict', version: kept.version, text: kept.text };
        remember(tenant, key.member, now);
        return unknown('forgotten');
      }
      if (kept === undefined) {
        const absent = absence(tenant, key.member, now);
        if (absent !== undefined) return absent;
        if (!hasRoom(tenant, now)) return unknown('full');
      }
      keep(tenant, key.member, { version, text, touchedAt: now });
      if (labelsChanged) {
        labelEpoch += 1;
        onLabelEpoch(labelEpoch);
      }
      return { outcome: 'kept' };
    },
    forget: async (key) => {
      const tenant = tenantOf(key);
      drop(tenant, key.member);
      remember(tenant, key.member, clock.monotonic());
    },
    close: async () => tenants.clear(),
  };
}

function unknown(cause: Unknown['cause']): Unknown {
  return { outcome: 'unknown', cause };
}
