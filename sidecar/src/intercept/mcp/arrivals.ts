/** Waiting for a message that may only be on its way: of two that an agent sends at once, the smaller may be read first. */

/**
 * Longest that a cancellation waits for a request that has not come, milliseconds: an agent that cancels at once sends both on
 * connections of their own.
 */
const ARRIVING_MS = 100;

/** What is waited for, by key. */
export interface Arrivals {
  /** Resolves when it has come, or its time is over. */
  wait(key: string): Promise<void>;
  /** It has come. */
  came(key: string): void;
}

/** Nobody waits yet. */
export function createArrivals(): Arrivals {
  const arriving = new Map<string, PromiseWithResolvers<void>>();
  return {
    async wait(key) {
      const mine = arriving.get(key) ?? Promise.withResolvers<void>();
      arriving.set(key, mine);
      const timer = setTimeout(mine.resolve, ARRIVING_MS);
      await mine.promise;
      clearTimeout(timer);
      if (arriving.get(key) === mine) arriving.delete(key);
    },
    came: (key) => arriving.get(key)?.resolve(),
  };
}
