/** The PDP's static configuration. What policy is in force is not configuration: it comes signed, over the channel. */

import { adminConfig, logConfig, tlsConfig } from '@portcullis/runtime';
import { tracingConfig } from '@portcullis/runtime/tracing';
import { z } from 'zod';
import { approvalsConfig } from './approvals/approvals-config.js';
import { keepConfig, shipConfig } from './audit/shipping/shipping-config.js';
import { cacheConfig } from './cache/cache-config.js';
import { contextConfig } from './context/context-config.js';
import { usersConfig } from './context/users-config.js';
import { extAuthzConfig, extMcpConfig } from './gateways/gateways-config.js';
import { httpConfig } from './http/http-config.js';
import { killConfig } from './kill/kill-config.js';
import { reviewsConfig } from './reviews/reviews-config.js';
import { riskConfig } from './risk/risk-config.js';
import { sessionConfig } from './session/session-config.js';

const name = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, hyphens');
const releaseName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'expected 1 to 63 lower-case letters, digits and inner hyphens');

/** Places that releases and kill lists come from. */
export const MAX_SOURCES = 8;

const httpSource = z.strictObject({
  type: z.literal('http').describe('The distributor over HTTPS with mutual TLS.'),
  url: z.url({ protocol: /^https$/ }).describe('Base URL of the distributor, without a path.'),
});
const natsSource = z.strictObject({
  type: z.literal('nats').describe('JetStream over NATS.'),
  servers: z.array(z.string().min(1)).min(1).readonly().describe('NATS server URLs; any of them will do.'),
  tls: z.boolean().default(true).describe('Whether to use mutual TLS with the certificate of `tls`.'),
  credsFile: z.string().min(1).optional().describe('NATS credentials file.'),
  bucketPrefix: z.string().min(1).default('portcullis').describe('Prefix of bucket and subject names.'),
});

const bundles = z.strictObject({
  rootFile: z.string().min(1).describe('The pinned TUF root.json, distributed out of band.'),
  sources: z
    .array(z.discriminatedUnion('type', [httpSource, natsSource]))
    .min(1)
    .max(MAX_SOURCES)
    .readonly()
    .describe('Where releases come from, in order of preference. Never trusted.'),
  pollMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(5_000)
    .describe('Average time between looks at the channel when nothing hints at a change, in milliseconds.'),
  freshness: z
    .enum(['standard', 'strict', 'available'])
    .default('standard')
    .describe(
      'How long a release is served after its last sign of life: standard 60 s + 10 min, strict 15 s, available 60 s + 24 h.',
    ),
  syncTimeoutMs: z
    .int()
    .min(1_000)
    .max(600_000)
    .default(10_000)
    .describe('One source is given this many milliseconds per look.'),
  maxBundleBytes: z
    .int()
    .min(1_024)
    .max(16 * 1024 * 1024)
    .default(16 * 1024 * 1024)
    .describe('No bundle is larger, in bytes.'),
  compileTimeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe('Unpacking and compiling end after this many milliseconds.'),
  compileHeapMb: z.int().min(32).max(4_096).default(512).describe('Heap of the compiling worker, in megabytes.'),
});

const audit = z
  .strictObject({
    mode: z
      .enum(['required', 'best_effort', 'off'])
      .default('required')
      .describe(
        'What becomes of a decision whose record cannot be kept: denied, or counted and given. `off` keeps no records.',
      ),
    dir: z
      .string()
      .min(1)
      .optional()
      .describe('Folder of the chain, of this PDP alone, on a local volume; `audit` in `dataDir` when absent.'),
    sync: z
      .enum(['none', 'interval', 'commit'])
      .default('none')
      .describe(
        'What survives a power cut: what the system had written by itself, all but the last interval, or every record ' +
          'before its answer. `kill -9` loses nothing with any of them.',
      ),
    intervalMs: z
      .int()
      .min(10)
      .max(60_000)
      .default(1_000)
      .describe('Time between syncs with `sync: interval`, in milliseconds.'),
    maxSegmentBytes: z
      .int()
      .min(4_096)
      .max(1024 * 1024 * 1024)
      .default(32 * 1024 * 1024)
      .describe('A segment that would grow beyond it is closed and another begun, in bytes.'),
    maxTotalBytes: z
      .int()
      .min(4_096)
      .max(Number.MAX_SAFE_INTEGER)
      .default(16 * 1024 * 1024 * 1024)
      .describe('All segments together; at the cap nothing more is recorded, in bytes.'),
    checkpointMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('Time between signed checkpoints, in milliseconds.'),
    checkpointRecords: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(10_000)
      .describe('After so many records a checkpoint is signed before its time.'),
    ship: shipConfig.describe('Shipping of the chain to the distributor (ADR-0020).'),
    keep: keepConfig.describe('When segments that the distributor has stored are removed; never by default.'),
  })
  .refine(({ mode, sync }) => mode !== 'best_effort' || sync !== 'commit', {
    path: ['sync'],
    message: 'expected none or interval: best_effort never waits for the disk',
  })
  .refine(({ ship, keep }) => ship.enabled || (keep.shippedMs === undefined && keep.shippedBytes === undefined), {
    path: ['keep'],
    message: 'expected nothing: without `ship.enabled` no segment is ever stored elsewhere, and none is removed',
  })
  .prefault({});

const limits = z
  .strictObject({
    maxMessageBytes: z
      .int()
      .min(1_024)
      .max(4 * 1024 * 1024)
      .default(256 * 1024)
      .describe('Larger gRPC messages are refused, in bytes.'),
    maxConcurrentStreams: z.int().min(1).max(10_000).default(200).describe('Calls at once on one connection.'),
    maxInFlightPerStream: z
      .int()
      .min(1)
      .max(65_536)
      .default(1_024)
      .describe('Unanswered questions on one Decide stream; more are refused.'),
    maxSessionMemoryMb: z.int().min(1).max(1_024).default(32).describe('Memory of one HTTP/2 session, in megabytes.'),
    decisionDeadlineMs: z
      .int()
      .min(1)
      .max(60_000)
      .default(50)
      .describe('A decision that takes longer is a denial, in milliseconds; a shorter deadline of the caller counts.'),
    maxConnectionAgeMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(60_000)
      .describe('Connections are asked to leave after this many milliseconds, give or take a tenth (ADR-0005).'),
    keepaliveMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(10_000)
      .describe('A silent connection is pinged after this many milliseconds.'),
    keepaliveTimeoutMs: z
      .int()
      .min(50)
      .max(60_000)
      .default(2_000)
      .describe('A ping without an answer ends the connection, in milliseconds.'),
    maxSettlementsRemembered: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(100_000)
      .describe('Decisions whose settlement is known, so that a repeated report counts once.'),
  })
  .prefault({});

const memoryQuotas = z.strictObject({
  type: z
    .literal('memory')
    .describe('Accounts in this process: every PDP counts for itself, from zero at every start.'),
  maxAccounts: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(100_000)
    .describe('Accounts in use at once; what would need one more is denied.'),
  maxReservations: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(500_000)
    .describe('Attempts known at once, each for `leaseSeconds` or longer; what would need one more is denied.'),
});
const redisQuotas = z.strictObject({
  type: z.literal('redis').describe('Accounts in a Redis that all PDPs share.'),
  url: z
    .url({ protocol: /^redis$/, message: 'expected redis://[user:password@]host[:port][/database]' })
    .describe('`redis://[user:password@]host[:port][/database]`.'),
  tls: z.boolean().default(true).describe('Whether to use mutual TLS with the certificate of `tls`.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, colons, hyphens')
    .default('portcullis:quota')
    .describe('Begins every key; all PDPs that share accounts have the same.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('An answer that takes longer is none, in milliseconds; shorter than `limits.decisionDeadlineMs`.'),
  warmUpSeconds: z
    .int()
    .min(0)
    .max(31_622_400)
    .optional()
    .describe(
      'How long a Redis that lost its accounts is not believed; by default as long as the window of each quota. Shorter lets a quota be exceeded once.',
    ),
});

const quota = z
  .strictObject({
    store: z
      .discriminatedUnion('type', [memoryQuotas, redisQuotas])
      .prefault({ type: 'memory' })
      .describe('Who keeps the accounts. With several PDPs `memory` admits the limit once per PDP.'),
    mode: z
      .enum(['strict', 'degraded'])
      .default('strict')
      .describe('Without an answer of the store: deny, or give out the own share of each quota.'),
    degradedShare: z
      .number()
      .positive()
      .max(1)
      .optional()
      .describe('The own share: 1/N for N PDPs. Required in the mode `degraded`, which is for `redis`.'),
    leaseSeconds: z
      .int()
      .min(1)
      .max(86_400)
      .default(60)
      .describe('A call under way counts for so long when nobody reports its end; longer than the longest call.'),
  })
  .prefault({})
  .refine((value) => value.mode === 'strict' || value.degradedShare !== undefined, {
    path: ['degradedShare'],
    message: 'the mode `degraded` needs the share of this PDP, 1/N for N PDPs',
  })
  .refine((value) => value.mode === 'strict' || value.store.type === 'redis', {
    path: ['mode'],
    message: 'only a store of type `redis` can be degraded',
  });

interface Intended {
  readonly issuer: string;
  readonly audience: string;
}

/** Whether a token that says who calls, or for whom an agent acts, would also say who approves. */
function isOthersToo(approver: Intended, others: readonly (Intended | undefined)[]): boolean {
  return others.some((other) => other?.issuer === approver.issuer && other.audience === approver.audience);
}

/** Everything that the PDP is told at start; the schema is strict at every level. */
export const pdpConfig = z
  .strictObject({
    node: name.describe('Name of this PDP in status reports and logs; unique in the cluster.'),
    trustDomain: z
      .string()
      .regex(/^[a-z0-9._-]{1,255}$/)
      .describe('SPIFFE trust domain of every peer.'),
    env: releaseName.describe('Environment whose releases this PDP serves.'),
    channel: releaseName.default('default').describe('Release channel within the environment.'),
    listen: z
      .strictObject({
        host: z.string().min(1).default('127.0.0.1').describe('Address to bind.'),
        port: z.int().min(0).max(65_535).default(0).describe('Port to bind; 0 picks a free one.'),
      })
      .prefault({})
      .describe('The gRPC endpoint.'),
    http: httpConfig.optional().describe('The HTTPS endpoint: evaluation and AuthZEN; without it there is none.'),
    extAuthz: extAuthzConfig
      .optional()
      .describe('Envoy external authorization on the gRPC endpoint; without it there is none (ADR-0019).'),
    extMcp: extMcpConfig
      .optional()
      .describe('The MCP policy hook of agentgateway on the gRPC endpoint; without it there is none (ADR-0019).'),
    tls: tlsConfig.describe('Own certificate and the authorities that peers must chain to.'),
    admin: adminConfig.describe('Metrics, probes and drain, in plain HTTP.'),
    log: logConfig.describe('Operational log.'),
    tracing: tracingConfig.optional().describe('OpenTelemetry traces of decisions; none without it (ADR-0032).'),
    dataDir: z
      .string()
      .min(1)
      .describe('Folder for the last good release and what must never be forgotten; owned by this PDP alone.'),
    bundles: bundles.describe('How releases are obtained and how long they are served.'),
    gateways: z
      .record(name, z.array(name).min(1).readonly())
      .default({})
      .describe('Which tenants each gateway may speak for; a gateway that is not listed speaks for none.'),
    users: usersConfig.describe('Whose word about the users counts for whom agents act (ADR-0012).'),
    context: contextConfig.describe('Where facts come from that a PEP does not say (ADR-0012).'),
    audit: audit.describe('The chain of decision records (ADR-0003).'),
    quota: quota.describe('Where quotas are counted (ADR-0011).'),
    sessions: sessionConfig.describe('What sessions did and saw, for policies that read it (ADR-0014).'),
    risk: riskConfig.describe('What attempts are after, judged for policies that read `intent_risk` (ADR-0015).'),
    kill: killConfig.describe('The kill switch (ADR-0018).'),
    reviews: reviewsConfig.describe('What policies let continue and want looked at (`escalate`, ADR-0024).'),
    approvals: approvalsConfig.describe('What people are asked, and who they are (ADR-0016).'),
    cache: cacheConfig,
    limits: limits.describe('Caps that keep one caller from taking the PDP from the others.'),
  })
  .refine(({ approvals, http }) => approvals.approvers.length === 0 || http !== undefined, {
    path: ['approvals', 'approvers'],
    message: 'approvers are answered over HTTPS: `http` is needed',
  })
  .refine(
    ({ approvals, http }) =>
      http?.accessRequests !== true || approvals.approvers.length > 0 || approvals.certificates.length > 0,
    {
      path: ['http', 'accessRequests'],
      message: 'nobody could approve: approvals.approvers or certificates are needed',
    },
  )
  .refine(({ approvals, http }) => approvals.certificates.length === 0 || http?.auth.mtls === true, {
    path: ['approvals', 'certificates'],
    message: 'approvers with certificates are answered over HTTPS: `http` with `auth.mtls` is needed',
  })
  .refine(
    ({ approvals, http, users }) =>
      !approvals.approvers.some((one) => isOthersToo(one, [http?.auth.jwt, ...users.issuers])),
    {
      path: ['approvals', 'approvers'],
      message: 'expected another issuer or audience than http.auth.jwt and users.issuers: agents hold those tokens',
    },
  );

/** The compiled configuration. */
export type PdpConfig = z.output<typeof pdpConfig>;
