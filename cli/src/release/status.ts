import type { ReleasePointer } from '@portcullis/policy/trust';
import type { DistributorApi, NodeView } from './api.js';

/** What a channel should run, and what its PDPs do run. */
export interface ReleaseStatus {
  readonly env: string;
  readonly channel: string;
  /** `null` before the first release. */
  readonly current: ReleasePointer | null;
  /** Newest first. */
  readonly history: readonly ReleasePointer[];
  readonly nodes: readonly NodeView[];
  /** Every live PDP, and at least one, runs the current release. */
  readonly converged: boolean;
}

/** Asks the distributor how a channel is doing. What it answers is not verified: it informs, nothing is built upon it. */
export async function releaseStatus(
  api: Pick<DistributorApi, 'releases' | 'nodes'>,
  options: { readonly env: string; readonly channel: string },
): Promise<ReleaseStatus> {
  const { env, channel } = options;
  const [releases, nodes] = await Promise.all([api.releases(env, channel), api.nodes(env, channel)]);
  const history = releases.history.toSorted((a, b) => b.seq - a.seq);
  const current = releases.current ?? null;
  const live = nodes.filter((node) => node.live);
  const converged =
    current !== null &&
    live.length > 0 &&
    live.every(({ active }) => active?.release_seq === current.seq && active.digest === current.stable.sha256);
  return { env, channel, current, history, nodes, converged };
}

/** Where a PDP stands, in a word. Its heartbeats, which come every few seconds, only repeat it. */
export function stateOf({ state, reason, active }: Pick<NodeView, 'state' | 'reason' | 'active'>): string {
  if (state !== 'heartbeat') return state;
  if (reason !== undefined) return 'refused';
  return active === null || active.release_seq === 0 ? 'none' : 'loaded';
}
