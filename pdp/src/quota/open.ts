/** The store that the configuration names. */

import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import type { Clock, Logger, TlsMaterial } from '@portcullis/runtime';
import type { PdpConfig } from '../config.js';
import { createDegradedQuotaStore } from './degraded.js';
import { createMemoryQuotaStore } from './memory.js';
import type { QuotaObserver, QuotaStore } from './port.js';
import { createRedisQuotaStore } from './redis.js';

/** What a store needs besides its configuration. */
export interface QuotaStoreParts {
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly observer: QuotaObserver;
  readonly log: Logger;
}

/** Room for a PDP that counts for itself while the shared accounts cannot be read. */
const OWN_SHARE = { maxAccounts: 100_000, maxReservations: 500_000 };

/** Opens it; a Redis that is not there is not waited for. */
export function openQuotaStore(config: PdpConfig['quota'], parts: QuotaStoreParts): QuotaStore {
  const { store, degradedShare } = config;
  const leaseMs = config.leaseSeconds * 1_000;
  const { clock, observer, log } = parts;
  if (store.type === 'memory') {
    const { maxAccounts, maxReservations } = store;
    return createMemoryQuotaStore({ clock, leaseMs, maxAccounts, maxReservations });
  }
  const { url, prefix, timeoutMs, warmUpSeconds } = store;
  const shared = createRedisQuotaStore({
    url,
    ...(store.tls ? { tls: redisTls(parts.tls, new URL(url).hostname) } : {}),
    prefix,
    leaseMs,
    timeoutMs,
    warmUpMs: warmUpSeconds === undefined ? undefined : warmUpSeconds * 1_000,
    observer,
    log,
  });
  if (config.mode === 'strict' || degradedShare === undefined) return shared;
  return createDegradedQuotaStore(shared, createMemoryQuotaStore({ clock, leaseMs, ...OWN_SHARE }), degradedShare);
}

/** For the Redis at `host`. Read anew at every connection, so that a renewed certificate is used. */
export function redisTls(material: TlsMaterial, host: string): ConnectionOptions {
  return {
    get cert() {
      return material.current().cert;
    },
    get key() {
      return material.current().key;
    },
    get ca() {
      return material.current().ca;
    },
    minVersion: 'TLSv1.3',
    // The client's own name for the server is lost where it is an address.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(host.replace(/^\[(.*)\]$/, '$1'), certificate),
  };
}
