import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '@portcullis/runtime';
import type { DistributorApi, NodeView } from './api.js';

/** What is waited for. */
export interface Goal {
  readonly env: string;
  readonly channel: string;
  readonly seq: number;
  /** Lower-case hex SHA-256 of the bundle. */
  readonly digest: string;
}

/** Where one PDP stands. */
export interface NodeProgress {
  readonly node: string;
  /** `superseded`: it runs a later release of other content already. */
  readonly state: 'loaded' | 'pending' | 'refused' | 'superseded';
  /** What it enforces; 0 for nothing. */
  readonly release_seq: number;
  readonly reason?: string;
}

/** How a wait ended. */
export interface Convergence {
  /** Every live PDP, and at least one, has loaded the digest. */
  readonly converged: boolean;
  /** From the start of the wait, in milliseconds. */
  readonly waited_ms: number;
  readonly nodes: readonly NodeProgress[];
}

/** Between two looks, in milliseconds: quick at first, because a release usually loads at once. */
const FIRST_PAUSE_MS = 25;
const LAST_PAUSE_MS = 500;

function progressOf({ node, state, active, release_seq, reason }: NodeView, goal: Goal): NodeProgress {
  const seq = active?.release_seq ?? 0;
  if (active !== null && seq >= goal.seq) {
    return { node, state: active.digest === goal.digest ? 'loaded' : 'superseded', release_seq: seq };
  }
  if (state === 'refused' && release_seq === goal.seq) {
    return { node, state: 'refused', release_seq: seq, ...(reason === undefined ? {} : { reason }) };
  }
  return { node, state: 'pending', release_seq: seq };
}

/**
 * Waits until every live PDP of the channel runs the goal's bundle, or the time is up, or none is left that still could
 * (all others refused it). No live PDP at all is not convergence.
 * @param options.timeoutMs 0 looks once.
 */
export async function waitForConvergence(
  api: Pick<DistributorApi, 'nodes'>,
  goal: Goal,
  options: {
    readonly timeoutMs: number;
    readonly clock: Clock;
    readonly onProgress?: (nodes: readonly NodeProgress[]) => void;
    readonly signal: AbortSignal;
  },
): Promise<Convergence> {
  const { clock, signal } = options;
  const started = clock.monotonic();
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const live = (await api.nodes(goal.env, goal.channel)).filter((node) => node.live);
    const nodes = live.map((node) => progressOf(node, goal));
    options.onProgress?.(nodes);
    const waited = clock.monotonic() - started;
    const converged = nodes.length > 0 && nodes.every((node) => node.state === 'loaded');
    const hopeless = nodes.length > 0 && nodes.every((node) => node.state !== 'pending');
    if (converged || hopeless || waited >= options.timeoutMs)
      return { converged, waited_ms: Math.round(waited), nodes };
    await pause(Math.min(pauseMs, options.timeoutMs - waited), undefined, { signal });
    pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
  }
}
