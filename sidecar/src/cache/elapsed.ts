import type { Clock } from '@portcullis/runtime';

/**
 * Milliseconds that never go back and are never behind either clock: a machine that slept does not count its sleep on the
 * monotonic one, and a wall clock may be set back. What expires by it may expire early, never late.
 */
export function createElapsed(clock: Clock): () => number {
  let wall = clock.now();
  let monotonic = clock.monotonic();
  let elapsed = 0;
  return () => {
    const wallNow = clock.now();
    const monotonicNow = clock.monotonic();
    elapsed += Math.max(0, wallNow - wall, monotonicNow - monotonic);
    wall = wallNow;
    monotonic = monotonicNow;
    return elapsed;
  };
}
