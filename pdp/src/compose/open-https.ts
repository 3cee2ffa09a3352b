/** The HTTPS port, when one is configured: everything that may be asked over HTTP, put together. */

import type { Clock, Logger, TlsMaterial } from '@portcullis/runtime';
import { createCertifiedApprovers } from '../approvals/approver-certificates.js';
import type { Approvals } from '../approvals/open-approvals.js';
import type { PdpConfig } from '../config.js';
import { DRAFT_WORDS, OWN_WORDS } from '../http/authzen-obligations.js';
import { type HttpEndpoint, type HttpEndpointOptions, openHttpEndpoint } from '../http/endpoint.js';
import { openTokenKey } from '../http/token-key.js';
import type { KillSwitch } from '../kill/kill-switch.js';
import type { PdpMetrics } from '../metrics.js';
import type { Decide, DecideParts } from '../pipeline/decide.js';
import type { QuotaLedger } from '../quota/ledger.js';
import type { Reviews } from '../reviews/reviews.js';
import { createDryDecide } from '../search/dry-decide.js';
import { createListed } from '../search/listed.js';
import { createPageTokens } from '../search/page-token.js';
import type { CallerReader } from '../server/peer.js';
import { createSealer } from '../session/sealer.js';

/** What is asked over HTTP. */
export interface HttpsParts {
  readonly pipeline: DecideParts;
  readonly decide: Decide;
  readonly approvals: Approvals;
  readonly reviews: Reviews;
  readonly ledger: QuotaLedger;
  readonly kills: KillSwitch;
  readonly trusted: HttpEndpointOptions['kill']['trusted'];
  readonly callers: CallerReader;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly metrics: PdpMetrics;
  readonly log: Logger;
}

/**
 * Opens it; `undefined` when none is configured.
 * @throws PortcullisError when its key cannot be read or its address cannot be bound.
 */
export async function openHttps(config: PdpConfig, parts: HttpsParts): Promise<HttpEndpoint | undefined> {
  const { http, trustDomain } = config;
  if (http === undefined) return undefined;
  const { pipeline, decide, approvals, reviews, ledger, kills, trusted, callers, tls, clock, metrics, log } = parts;
  const tokenKey = await openTokenKey(http.tokenKeyFile);
  const configured = config.approvals.certificates;
  const hasApprovers = approvals.approvers !== undefined || configured.length > 0;
  return openHttpEndpoint({
    ...pipeline,
    approvals: hasApprovers
      ? {
          desk: approvals.desk,
          approvers: approvals.approvers,
          certified: createCertifiedApprovers({ configured, trustDomain, clock }),
          waiting: approvals.book.store,
          reveal: approvals.reveal,
        }
      : undefined,
    search: http.search.enabled
      ? {
          ...http.search,
          listed: createListed(http.search),
          snapshots: pipeline.snapshots,
          dryDecide: createDryDecide(pipeline),
          tokens: createPageTokens(createSealer(tokenKey, 'portcullis search pages'), clock, http.search.tokenSeconds),
        }
      : undefined,
    accessRequests: http.accessRequests
      ? { sealer: createSealer(tokenKey, 'portcullis access requests'), waiting: approvals.book.store }
      : undefined,
    words: http.obligations === 'profile' ? DRAFT_WORDS : OWN_WORDS,
    config: http,
    material: tls,
    trustDomain,
    certificates: callers,
    decide,
    deadlineMs: config.limits.decisionDeadlineMs,
    observer: metrics,
    log,
    kill: { kills, env: config.env, trusted },
    reviews,
    usage: { usage: ledger.usage, shared: config.quota.store.type === 'redis' },
  });
}
