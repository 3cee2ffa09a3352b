/** What the stages of a decision ask, and who is told of it: accounts, users, facts, sessions, people, risk, decisions that were kept. */

import { randomUUID } from 'node:crypto';
import { createRequestParser } from '@portcullis/proto';
import {
  type Clock,
  LOG_FIELD,
  type Opened,
  type PortcullisError,
  type ServiceContext,
  type TlsMaterial,
} from '@portcullis/runtime';
import { type Approvals, openApprovals } from '../approvals/open-approvals.js';
import type { Audit } from '../audit/open-audit.js';
import { createPastRecords } from '../audit/past-records.js';
import { MAX_CACHE_TTL_SECONDS } from '../bundles/freshness.js';
import { createDecisionCache } from '../cache/decision-cache.js';
import type { PdpConfig } from '../config.js';
import { type OpenContext, openContext } from '../context/open-context.js';
import { type OpenUserAuthority, openUserAuthority } from '../context/users.js';
import { followCounter } from '../epochs/epochs.js';
import type { PdpMetrics } from '../metrics.js';
import { createIntentLog, type IntentLog } from '../notify/intent-log.js';
import type { Notifier } from '../notify/notifier.js';
import { openNotifier } from '../notify/open-notifier.js';
import type { DecideParts } from '../pipeline/decide.js';
import { createQuotaLedger, type QuotaLedger } from '../quota/ledger.js';
import { openQuotaStore } from '../quota/open.js';
import { type OpenedReviews, openReviews } from '../reviews/open-reviews.js';
import { openRisk, type Risk } from '../risk/open.js';
import { readDeclaredTools } from '../session/declared-tools.js';
import { type OpenSessions, openSessions } from '../session/open.js';
import type { Releases } from './open-releases.js';

/** What they share. */
export interface StageParts {
  readonly releases: Pick<Releases, 'active' | 'epochs' | 'kills'>;
  readonly audit: Audit | undefined;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly metrics: PdpMetrics;
  readonly log: ServiceContext['log'];
}

/** What the pipeline is told, and what of it others ask as well, or have to close. */
export interface Stages {
  readonly pipeline: DecideParts;
  readonly ledger: QuotaLedger;
  readonly users: OpenUserAuthority;
  readonly facts: OpenContext;
  readonly sessions: OpenSessions;
  readonly approvals: Approvals;
  readonly reviews: OpenedReviews;
  readonly notifier: Notifier;
  readonly intents: IntentLog | undefined;
  readonly risk: Risk;
}

const ENGINE = 'portcullis/1';
/** Somebody waits in front of a terminal. */
const PREVIEW_LOOK_MS = 3_000;

/**
 * Opens them.
 * @throws PortcullisError when a store or a file that is configured cannot be used.
 */
export async function openStages(config: PdpConfig, parts: StageParts, opened: Opened): Promise<Stages> {
  const { audit, tls, clock, metrics, log } = parts;
  const { active, epochs, kills } = parts.releases;
  const ledger = createQuotaLedger({
    store: openQuotaStore(config.quota, { tls, clock, observer: metrics, log }),
    observer: metrics,
    clock,
    log,
  });
  const quotas = ledger.store;
  opened(() => quotas.close());
  const users = await openUserAuthority(config.users, { clock, log });
  opened(() => users.close());
  const deadlineMs = config.limits.decisionDeadlineMs;
  const facts = await openContext(config.context, { tls, clock, log, deadlineMs });
  opened(() => facts.close());
  if (facts.agents !== undefined) followCounter(epochs, 'trust', facts.agents);
  const sessions = await openSessions(config.sessions, {
    tls,
    clock,
    observer: metrics,
    log,
    annotationsOf: await readDeclaredTools(config.sessions.toolsFile),
    maxMessageBytes: config.limits.maxMessageBytes,
    riskLooksBack: config.risk.enabled,
    onLabelEpoch: (epoch) => epochs.reach('labels', epoch),
  });
  opened(() => sessions.close());
  const past = audit && createPastRecords({ folder: audit.chain.folder, clock, maxMs: PREVIEW_LOOK_MS });
  const approvals = await openApprovals(config.approvals, {
    dataDir: config.dataDir,
    tls,
    clock,
    observer: metrics,
    log,
    sink: audit,
    past,
  });
  opened(() => approvals.close());
  const reviews = await openReviews(config.reviews, config.approvals, {
    dataDir: config.dataDir,
    tls,
    record: audit === undefined ? undefined : (entry) => audit.append(entry),
    webhooks: approvals.reviewers,
    observer: metrics,
    clock,
    log,
  });
  opened(() => reviews.stop());
  const notifier = await openNotifier(config.approvals, {
    dataDir: config.dataDir,
    channels: approvals.channels,
    record: audit === undefined ? undefined : (entry) => audit.append(entry),
    observer: metrics,
    clock,
    log,
  });
  opened(() => notifier.stop());
  const intents = audit && createIntentLog((entry) => audit.append(entry), { clock, log });
  const risk = openRisk(config.risk, {
    tls,
    clock,
    observer: metrics,
    log,
    unnamedHaveNone: config.sessions.unnamed === 'deny',
  });
  opened(() => risk.close());
  const judges: Pick<DecideParts, 'sources' | 'assessor'> = {
    sources: [...facts.sources, sessions.source],
    assessor: risk.assessor,
  };
  const cache = config.cache.enabled
    ? createDecisionCache({
        limits: config.cache,
        maxTtlSeconds: MAX_CACHE_TTL_SECONDS[config.bundles.freshness],
        epochs,
        sources: judges.sources,
        assessesRisk: judges.assessor !== undefined,
        clock,
        observer: metrics,
      })
    : undefined;
  if (cache !== undefined) metrics.followCache(() => cache.entries);
  const pipeline: DecideParts = {
    snapshots: active,
    users,
    recorder: sessions.recorder,
    kills,
    ...judges,
    memory: cache,
    followers: [...risk.followers, notifier, ...(intents === undefined ? [] : [intents])],
    gateways: new Map(Object.entries(config.gateways).map(([name, tenants]) => [name, new Set(tenants)])),
    parseRequest: createRequestParser(),
    sink: audit,
    clock,
    observer: metrics,
    quotas,
    notices: notifier,
    reviews: { required: config.reviews.required, accept: reviews.accept, withdraw: reviews.withdraw },
    approvals: approvals.book,
    newDecisionId: randomUUID,
    engine: ENGINE,
    onDefect: (error: PortcullisError) => log.error({ [LOG_FIELD.error]: error }, 'Decision failed'),
  };

  return { pipeline, ledger, users, facts, sessions, approvals, reviews, notifier, intents, risk };
}
