/** The distributor's configuration. */

import { adminConfig, logConfig, tlsConfig } from '@portcullis/runtime';
import { z } from 'zod';
import { evidenceConfig } from './evidence/evidence-config.js';
import { storeConfig } from './store/store-config.js';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

const natsTransport = z.strictObject({
  type: z.literal('nats').describe('Publishes over NATS: JetStream key-value for metadata, object store for targets.'),
  servers: z.array(z.string().min(1)).min(1).describe('Addresses of the cluster, such as nats://nats:4222.'),
  tls: z.boolean().default(false).describe('Speaks mutual TLS with our own certificate.'),
  credsFile: z.string().min(1).optional().describe('NATS credentials file (JWT and seed).'),
  bucketPrefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .default('portcullis')
    .describe('Prefix of bucket and subject names.'),
});
const httpTransport = z.strictObject({
  type: z.literal('http').describe('Serves the channel under /v1/channel; always on.'),
});

/** The schema of `distributor.yaml`. */
export const distributorConfig = z
  .strictObject({
    trustDomain: z
      .string()
      .regex(/^[a-z0-9._-]{1,255}$/)
      .describe('SPIFFE trust domain that publishers and PDPs must belong to.'),
    listen: z
      .strictObject({
        host: z.string().min(1).default('127.0.0.1').describe('Address to bind.'),
        port: z.int().min(0).max(65_535).default(0).describe('Port to bind; 0 picks a free one.'),
      })
      .prefault({})
      .describe('The HTTPS port for publishers and PDPs; client certificates are required.'),
    tls: tlsConfig.describe('Our certificate, and the authorities of those who may connect.'),
    admin: adminConfig.describe('The plain HTTP port for metrics, probes and drain.'),
    log: logConfig.describe('How much is logged, and where to.'),
    dataDir: z.string().min(1).describe('Folder of the repository; one distributor only may write there.'),
    keysDir: z.string().min(1).describe('Folder with snapshot*.pem and timestamp*.pem; no other key is opened.'),
    trustDir: z
      .string()
      .min(1)
      .optional()
      .describe('Folder that "portcullis trust init" made; read when the repository is empty.'),
    transports: z
      .array(z.discriminatedUnion('type', [httpTransport, natsTransport]))
      .default([{ type: 'http' }])
      .describe('Channels that releases are published on.'),
    timestamp: z
      .strictObject({
        lifetimeMs: z
          .int()
          .min(2 * SECOND)
          .max(DAY)
          .default(60_000)
          .describe('How long a timestamp is valid; a PDP that hears nothing is stale after it.'),
        refreshMs: z
          .int()
          .min(SECOND / 2)
          .max(DAY)
          .default(10_000)
          .describe('How often a new one is signed; at most half of lifetimeMs.'),
      })
      .prefault({})
      .refine((timestamp) => timestamp.refreshMs * 2 <= timestamp.lifetimeMs, {
        path: ['refreshMs'],
        message: 'must be at most half of lifetimeMs, so that one missed refresh is no outage',
      })
      .describe('The short-lived proof that the repository is current.'),
    snapshot: z
      .strictObject({
        lifetimeMs: z
          .int()
          .min(60 * SECOND)
          .max(90 * DAY)
          .default(7 * DAY)
          .describe('How long a snapshot is valid; renewed at half of it.'),
      })
      .prefault({})
      .describe('Which versions belong together.'),
    antiEntropy: z
      .strictObject({
        intervalMs: z
          .int()
          .min(100)
          .max(600_000)
          .default(5_000)
          .describe('How often the timestamp of every channel is compared with ours.'),
        deepEvery: z
          .int()
          .min(1)
          .max(10_000)
          .default(12)
          .describe('Every how many comparisons all objects are compared.'),
      })
      .prefault({})
      .describe('Finds channels that lost what they were given.'),
    nodes: z
      .strictObject({
        lostAfterMs: z
          .int()
          .min(SECOND)
          .max(DAY)
          .default(30_000)
          .describe('A node without a status for so long is lost and no longer waited for.'),
        forgetAfterMs: z
          .int()
          .min(SECOND)
          .max(30 * DAY)
          .default(DAY)
          .describe('A lost node is listed for so long.'),
      })
      .prefault({})
      .describe('What is remembered of PDPs.'),
    store: storeConfig.default({ kind: 'none' }),
    evidence: evidenceConfig,
    limits: z
      .strictObject({
        maxWaitingBundles: z
          .int()
          .min(1)
          .max(10_000)
          .default(64)
          .describe('Uploaded bundles that may wait for a release.'),
        watchMs: z.int().min(100).max(60_000).default(25_000).describe('How long a long poll waits for news.'),
      })
      .prefault({})
      .describe('Caps.'),
  })
  .refine(({ store, evidence }) => store.kind !== 'none' || evidence.readers.length === 0, {
    path: ['store'],
    message: 'evidence.readers are named and nothing is kept: expected kind embedded or postgres',
  })
  .describe('Configuration of the distributor.');

/** A loaded configuration. */
export type DistributorConfig = z.output<typeof distributorConfig>;
