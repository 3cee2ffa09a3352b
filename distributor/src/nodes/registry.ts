/** What PDPs last said about themselves, and whether they have all loaded a release. In memory: a heartbeat fills it. */

import type { NodeStatus, ReleasePointer } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';

/** One node as the admin API shows it. `state`, `release_seq` and `digest` are those of its last status. */
export interface NodeRow {
  readonly node: string;
  readonly env: string;
  readonly channel: string;
  readonly state: NodeStatus['state'];
  readonly release_seq: number;
  readonly digest: string;
  readonly freshness: NodeStatus['freshness'];
  /** What kept it from what the channel has, as it said last; its heartbeats repeat it for as long as that is so. */
  readonly reason?: string;
  /** When the node says that it was, RFC 3339. */
  readonly at: string;
  /** When we heard of it, epoch milliseconds. */
  readonly last_seen_ms: number;
  /** Whether that was lately. */
  readonly live: boolean;
  /** Where it takes kill lists directly. */
  readonly https?: string;
  /** The `seq` of its kill list. */
  readonly kill_seq?: number;
  /** What it enforces, by its last `loaded` or `heartbeat`; `null` before the first. */
  readonly active: { readonly release_seq: number; readonly digest: string } | null;
}

/** The last status of every node. */
export interface NodeRegistry {
  record(status: NodeStatus): void;
  /** All nodes, or those of one channel, by name. */
  rows(of?: { readonly env: string; readonly channel: string }): readonly NodeRow[];
}

interface Entry {
  readonly status: NodeStatus;
  readonly seenAt: number;
  readonly active: NodeRow['active'];
}

/** More nodes than this push out those that were not heard of for longest. */
const MAX_NODES = 10_000;

/** A message may arrive this much after a later one, in milliseconds. */
const LATE_MS = 60_000;

/** Makes an empty registry. A node is live until `lostAfterMs` without a status, and forgotten after `forgetAfterMs`. */
export function createNodeRegistry(options: {
  readonly clock: Clock;
  readonly lostAfterMs: number;
  readonly forgetAfterMs: number;
}): NodeRegistry {
  const { clock, lostAfterMs, forgetAfterMs } = options;
  // In the order of the last status, oldest first.
  const entries = new Map<string, Entry>();

  const forget = (now: number): void => {
    for (const [node, { seenAt }] of entries) {
      if (now - seenAt <= forgetAfterMs && entries.size <= MAX_NODES) return;
      entries.delete(node);
    }
  };

  return {
    record(status) {
      const now = clock.now();
      const before = entries.get(status.node);
      // A late message must not undo a newer one of the same node; a clock that was set back must not silence it for ever.
      const late = before === undefined ? 0 : Date.parse(before.status.at) - Date.parse(status.at);
      if (late > 0 && late < LATE_MS) return;
      const speaksOfActive = status.state === 'loaded' || status.state === 'heartbeat';
      const active = speaksOfActive
        ? { release_seq: status.release_seq, digest: status.bundle_digest }
        : sameChannel(before?.status, status)
          ? (before?.active ?? null)
          : null;
      entries.delete(status.node);
      entries.set(status.node, { status, seenAt: now, active });
      forget(now);
    },
    rows(of) {
      const now = clock.now();
      forget(now);
      return [...entries.values()]
        .filter(({ status }) => of === undefined || (status.env === of.env && status.channel === of.channel))
        .map(({ status, seenAt, active }) => ({
          node: status.node,
          env: status.env,
          channel: status.channel,
          state: status.state,
          release_seq: status.release_seq,
          digest: status.bundle_digest,
          freshness: status.freshness,
          ...(status.reason === undefined ? {} : { reason: status.reason }),
          at: status.at,
          last_seen_ms: seenAt,
          live: now - seenAt <= lostAfterMs,
          ...(status.https === undefined ? {} : { https: status.https }),
          ...(status.kill_seq === undefined ? {} : { kill_seq: status.kill_seq }),
          active,
        }))
        .toSorted((a, b) => (a.node < b.node ? -1 : 1));
    },
  };
}

function sameChannel(a: NodeStatus | undefined, b: NodeStatus): boolean {
  return a?.env === b.env && a.channel === b.channel;
}

/** Whether every live node enforces the pointer's release. False without a pointer or without a live node. */
export function hasConverged(pointer: ReleasePointer | undefined, rows: readonly NodeRow[]): boolean {
  const live = rows.filter((row) => row.live);
  if (pointer === undefined || live.length === 0) return false;
  return live.every((row) => row.active?.release_seq === pointer.seq && row.active.digest === pointer.stable.sha256);
}
