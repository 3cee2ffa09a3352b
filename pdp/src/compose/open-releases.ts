/** What is in force and what is stopped: releases and kill lists, from every source and from this PDP's own disk. */

import { join } from 'node:path';
import type { Clock, ServiceContext, Task } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import type { Audit } from '../audit/open-audit.js';
import { recordReleases } from '../audit/record-releases.js';
import { type ActiveReleases, createActiveReleases } from '../bundles/active.js';
import { createBundleClient, type TrustedTargets } from '../bundles/bundle-client.js';
import { openBundleFiles } from '../bundles/bundle-files.js';
import { createBundleTasks } from '../bundles/bundle-tasks.js';
import type { BundleCompiler } from '../bundles/compiler.js';
import { FRESHNESS_PROFILES } from '../bundles/freshness.js';
import { createNodeReports } from '../bundles/node-reports.js';
import { MAX_SOURCES, type PdpConfig } from '../config.js';
import { createEpochs, type EpochCounters, followCounter } from '../epochs/epochs.js';
import { openKillFile } from '../kill/kill-file.js';
import { createKillSource, requireKillList } from '../kill/kill-source.js';
import { type KillSwitch, openKillSwitch } from '../kill/kill-switch.js';
import type { PdpMetrics } from '../metrics.js';

/** What they come from, and who is told of them. */
export interface ReleaseParts {
  readonly channels: readonly ChannelReader[];
  /** The first of them that answers. */
  readonly channel: ChannelReader;
  readonly pinnedRoot: Uint8Array;
  readonly compiler: BundleCompiler;
  readonly audit: Audit | undefined;
  /** Where this PDP can be asked over HTTPS, once that is known. */
  readonly httpsUrl: () => string | undefined;
  readonly clock: Clock;
  readonly metrics: PdpMetrics;
  readonly log: ServiceContext['log'];
}

/** What is in force and what is stopped. */
export interface Releases {
  readonly active: ActiveReleases;
  readonly epochs: EpochCounters;
  readonly kills: KillSwitch;
  readonly trusted: () => TrustedTargets | undefined;
  /** What was in force, and what was stopped while this PDP was away, before it allows anything again. */
  catchUp(signal: AbortSignal): Promise<void>;
  readonly tasks: readonly Task[];
}

/** Sources that do not answer hold up a start for so long. */
const CATCH_UP_MS = 1_500;

/**
 * Opens them; nothing is in force before they have caught up.
 * @throws PortcullisError when what is on disk cannot be believed.
 */
export async function openReleases(config: PdpConfig, parts: ReleaseParts): Promise<Releases> {
  const { channels, channel, pinnedRoot, compiler, audit, httpsUrl, clock, metrics, log } = parts;
  const active = createActiveReleases(clock, FRESHNESS_PROFILES[config.bundles.freshness]);
  const reports = createNodeReports({
    channel,
    node: config.node,
    env: config.env,
    releaseChannel: config.channel,
    state: active.state,
    clock,
    more: () => {
      const https = httpsUrl();
      return { kill_seq: kills.state().seq, ...(https === undefined ? {} : { https }) };
    },
  });
  const bundles = createBundleClient({
    env: config.env,
    channel: config.channel,
    dataDir: config.dataDir,
    pinnedRoot,
    sources: channels,
    active,
    files: openBundleFiles(join(config.dataDir, 'bundles')),
    compiler,
    reports,
    observer: metrics,
    clock,
    log,
    maxBundleBytes: config.bundles.maxBundleBytes,
    syncTimeoutMs: config.bundles.syncTimeoutMs,
    beforeRelease: (...seen) => requireKillList(config.env, kills)(...seen),
  });
  metrics.followRelease({ channel: config.channel, state: active.state, ageSeconds: () => active.ageSeconds() });

  if (audit !== undefined) {
    const { env, channel: releaseChannel } = config;
    recordReleases({ releases: active, append: audit.append, env, channel: releaseChannel, clock, log });
  }
  const kills = await openKillSwitch({
    env: config.env,
    file: openKillFile(join(config.dataDir, 'kill-lists'), config.env),
    trusted: () => bundles.trusted,
    record: audit?.append,
    observer: metrics,
    clock,
    log,
  });
  const epochs = createEpochs(active);
  followCounter(epochs, 'kill', kills.epoch);
  metrics.followKills({ seq: () => kills.state().seq, inForce: () => kills.state().kills.length });
  const killSource = createKillSource({
    env: config.env,
    kills,
    // Each is looked at by itself, all the time.
    sources: channels.slice(0, MAX_SOURCES),
    pollMs: config.kill.pollMs,
    log,
  });

  return {
    active,
    epochs,
    kills,
    trusted: () => bundles.trusted,
    async catchUp(signal) {
      await bundles.restore(signal);
      await killSource.lookOnce(AbortSignal.any([signal, AbortSignal.timeout(CATCH_UP_MS)]));
    },
    tasks: [
      ...killSource.tasks,
      ...createBundleTasks({
        client: bundles,
        channel,
        reports,
        active,
        pollMs: config.bundles.pollMs,
        random: Math.random,
        onHint: killSource.hint,
      }),
    ],
  };
}
