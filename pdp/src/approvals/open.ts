/** The store that the configuration names. */

import type { Clock, Logger, TlsMaterial } from '@portcullis/runtime';
import { redisTls } from '../redis/redis-tls.js';
import type { ApprovalsConfig } from './approvals-config.js';
import { createMemoryApprovalStore } from './memory.js';
import type { ApprovalCaps, ApprovalOperation, ApprovalStore } from './port.js';
import { createRedisApprovalStore } from './redis.js';

/** What a store needs besides its configuration. */
export interface ApprovalStoreParts {
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly observer: { approvalStoreFailed(operation: ApprovalOperation): void };
  readonly log: Logger;
}

/** Opens it; a Redis that is not there is not waited for. */
export function openApprovalStore(config: ApprovalsConfig, parts: ApprovalStoreParts): ApprovalStore {
  const { store } = config;
  const caps: ApprovalCaps = {
    perAgent: config.maxOpenPerAgent,
    perTenant: config.maxOpenPerTenant,
    grantsPerTenant: config.maxGrantsPerTenant,
    keepMs: config.keepSeconds * 1_000,
  };
  if (store.type === 'memory') return createMemoryApprovalStore({ clock: parts.clock, caps });
  const { url, prefix, timeoutMs, survivesRestart } = store;
  const tls = store.tls ? { tls: redisTls(parts.tls, url) } : {};
  const { observer, log } = parts;
  return createRedisApprovalStore({ url, ...tls, prefix, timeoutMs, survivesRestart, caps, observer, log });
}

/** Read anew at every connection, so that a renewed certificate is used. */
