/** Which PDP gets the next question. Pure. */

/** What a choice is made on. */
export interface Candidate {
  /** 0 serves a release, 1 is reachable and serves none (or none that is known), 2 is suspect. Lower ranks go first. */
  readonly rank: 0 | 1 | 2;
  /** Questions sent and not answered. */
  readonly inFlight: number;
  /** Expected latency in milliseconds, above 0. */
  readonly latencyMs: number;
}

/** Up to this many candidates all are compared; above it, two picked at random (power of two choices). */
export const FULL_SCAN_LIMIT = 8;

/** Expected wait for one more question: those before it and itself, each as slow as usual. */
function cost(candidate: Candidate): number {
  return (candidate.inFlight + 1) * candidate.latencyMs;
}

function better(a: Candidate, b: Candidate): boolean {
  return a.rank !== b.rank ? a.rank < b.rank : cost(a) < cost(b);
}

/**
 * The least loaded candidate of the lowest rank, or `undefined` when there is none. `random` yields [0, 1); it decides
 * where the scan starts, so equals share the work.
 */
export function choose<C extends Candidate>(candidates: readonly C[], random: () => number): C | undefined {
  const count = candidates.length;
  if (count <= 1) {
    return candidates[0];
  }
  if (count <= FULL_SCAN_LIMIT) {
    return scan(candidates, Math.floor(random() * count));
  }
  const lowest = candidates.reduce((rank, { rank: own }) => Math.min(rank, own), 2);
  const peers = candidates.filter(({ rank }) => rank === lowest);
  if (peers.length <= FULL_SCAN_LIMIT) {
    return scan(peers, Math.floor(random() * peers.length));
  }
  const first = Math.floor(random() * peers.length);
  const step = 1 + Math.floor(random() * (peers.length - 1));
  const a = peers[first];
  const b = peers[(first + step) % peers.length];
  return a !== undefined && b !== undefined && better(b, a) ? b : a;
}

function scan<C extends Candidate>(candidates: readonly C[], start: number): C | undefined {
  let best: C | undefined;
  for (let step = 0; step < candidates.length; step += 1) {
    const next = candidates[(start + step) % candidates.length];
    if (next !== undefined && (best === undefined || better(next, best))) {
      best = next;
    }
  }
  return best;
}
