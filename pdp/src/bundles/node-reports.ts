/** Tells the distributor what this PDP did with a release. Best effort: nothing is decided by it. */

import { encodeNodeStatus, NODE_STATUS_SUBJECT, type NodeStatus } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import type { ReleaseState } from './active.js';

/** Which release a report speaks of; absent for what could not even be read. */
export interface ReportedRelease {
  readonly seq: number;
  readonly bundleDigest: string;
}

/** Queues reports and sends them in order; never throws and never makes the caller wait for the channel. */
export interface NodeReports {
  /** The release verified, compiled and is on disk. */
  staged(release: ReportedRelease): void;
  /** The release is in force. */
  loaded(release: ReportedRelease): void;
  /** The release in force stays; `reason` says why. */
  refused(release: ReportedRelease | undefined, reason: string): void;
  /** The release in force; `reason` says why a newer one is not. */
  heartbeat(reason: string | undefined): void;
  /** Resolves once everything queued so far was sent or given up. */
  flush(): Promise<void>;
}

/** Who reports, where and about what. */
export interface NodeReportsOptions {
  readonly channel: Pick<ChannelReader, 'send'>;
  readonly node: string;
  readonly env: string;
  readonly releaseChannel: string;
  readonly state: () => ReleaseState;
  readonly clock: Clock;
  /** What else a report says; asked for every one. */
  readonly more: () => Pick<NodeStatus, 'https' | 'kill_seq'>;
}

const SEND_TIMEOUT_MS = 2_000;
const MAX_REASON = 512;
/** Reports that wait for a slow channel; beyond it new ones are dropped, the heartbeats will say the same. */
const MAX_WAITING = 32;

/** Builds the reports of one node. */
export function createNodeReports(options: NodeReportsOptions): NodeReports {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  const deliver = async (status: NodeStatus): Promise<void> => {
    try {
      await options.channel.send(NODE_STATUS_SUBJECT, encodeNodeStatus(status), AbortSignal.timeout(SEND_TIMEOUT_MS));
    } catch {
      // The next heartbeat says the same; a distributor that hears nothing shows the node as silent.
    } finally {
      waiting -= 1;
    }
  };
  const send = (state: NodeStatus['state'], about: ReportedRelease, reason?: string): void => {
    if (waiting >= MAX_WAITING) return;
    waiting += 1;
    const status: NodeStatus = {
      node: options.node,
      state,
      env: options.env,
      channel: options.releaseChannel,
      release_seq: about.seq,
      bundle_digest: about.bundleDigest,
      freshness: options.state().freshness,
      ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_REASON) }),
      at: new Date(options.clock.now()).toISOString(),
      ...options.more(),
    };
    last = last.then(() => deliver(status));
  };
  const active = (): ReportedRelease => {
    const { releaseSeq, bundleDigest } = options.state();
    return { seq: releaseSeq, bundleDigest };
  };
  return {
    staged: (release) => send('staged', release),
    loaded: (release) => send('loaded', release),
    refused: (release, reason) => send('refused', release ?? { seq: 0, bundleDigest: '' }, reason),
    heartbeat: (reason) => send('heartbeat', active(), reason),
    flush: () => last,
  };
}
