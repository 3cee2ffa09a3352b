/** The publisher of a stack. */

import { readFileSync } from 'node:fs';
import {
  connectDistributor,
  type DistributorApi,
  type DistributorConnection,
  openDistributorApi,
  type PublishResult,
  publishRelease,
  type ReleaseStatus,
  readSigningKeys,
  releaseStatus,
  rollbackRelease,
} from '@portcullis/cli';
import { systemClock } from '@portcullis/runtime';
import type { PolicySource } from './policy-source.js';
import { CHANNEL, ENV, type StackFiles, TRUST_DOMAIN } from './stack-files.js';

/** What a publish or a rollback came to. */
export interface Published {
  readonly seq: number;
  readonly policyVersion: string;
  readonly digest: string;
  /** `performance.now()` when the distributor had accepted it. */
  readonly acceptedAt: number;
}

/** What the distributor says about the channel. */
export type StackStatus = ReleaseStatus;

/** What it does, for the one channel. */
export interface StackReleases {
  /** Publishes a source; does not wait for PDPs unless `waitMs` is given. */
  publish(source: PolicySource, options?: { readonly version?: string; readonly waitMs?: number }): Promise<Published>;
  /** Rolls back to an older version (the previous release by default). */
  rollback(toVersion: string | undefined, reason: string): Promise<Published>;
  status(): Promise<StackStatus>;
}

function published(result: PublishResult): Published {
  if (result.outcome !== 'released') throw new Error(`the release was not made: ${JSON.stringify(result)}`);
  const { seq, stable } = result.pointer;
  return { seq, policyVersion: stable.policy_version, digest: stable.sha256, acceptedAt: performance.now() };
}

/** What the publisher talks to the distributor with. */
export interface PublisherConnection {
  readonly connection: DistributorConnection;
  readonly api: DistributorApi;
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** Connects to the distributor. */
export async function connectPublisher({ tls }: StackFiles, distributorUrl: string): Promise<PublisherConnection> {
  const connection = await connectDistributor({
    distributor: distributorUrl,
    tls: tls({ kind: 'publisher', name: 'publisher' }),
    trustDomain: TRUST_DOMAIN,
  });
  const closing = new AbortController();
  return {
    connection,
    api: openDistributorApi(connection, closing.signal),
    signal: closing.signal,
    async close() {
      closing.abort();
      await connection.close();
    },
  };
}

/** Connects, and reads the keys. */
export async function openReleases(
  files: StackFiles,
  distributorUrl: string,
): Promise<StackReleases & { close(): Promise<void> }> {
  const { api, signal, close } = await connectPublisher(files, distributorUrl);
  const channel = { env: ENV, channel: CHANNEL };
  const releasing = {
    ...channel,
    api,
    rootBytes: readFileSync(files.trust.rootFile),
    keys: await readSigningKeys(files.trust.publisherKeys),
    clock: systemClock,
    signal,
  };
  return {
    async publish(source, publishing = {}) {
      const changed = new Map(source);
      if (publishing.version !== undefined) {
        const manifest = JSON.parse(new TextDecoder().decode(source.get('bundle.yaml'))) as object;
        changed.set(
          'bundle.yaml',
          new TextEncoder().encode(JSON.stringify({ ...manifest, version: publishing.version })),
        );
      }
      return published(
        await publishRelease({
          ...releasing,
          source: changed,
          ...(publishing.waitMs === undefined ? {} : { waitMs: publishing.waitMs }),
        }),
      );
    },
    async rollback(toVersion, reason) {
      const to =
        toVersion === undefined ? { kind: 'previous' as const } : { kind: 'version' as const, version: toVersion };
      return published(await rollbackRelease({ ...releasing, to, reason }));
    },
    status: () => releaseStatus(releasing.api, channel),
    close,
  };
}
