/** The counters that tell caches what they must forget (contracts §5). */

import type { Epochs } from '@portcullis/proto';

/** One counter. It only grows, below 2^32. */
export interface EpochCounter {
  current(): number;
  /** Calls `listener` after every change, once what the old number stood for is no longer answered with. Returns the way to stop. */
  onChange(listener: () => void): () => void;
}

/** All counters together. */
export interface EpochSource {
  /** As of now. Whoever stamps an answer with them reads them before anything that the answer depends on. */
  current(): Epochs;
  /** Calls `listener` whenever `current()` may differ from before. Returns the way to stop. */
  onChange(listener: () => void): () => void;
}

/** Who counts what. What nobody counts stays 0. */
export interface EpochParts {
  /** Its listeners hear of everything that changes about the release, its freshness too. */
  readonly release: EpochCounter;
  readonly trust?: EpochCounter | undefined;
  readonly labels?: EpochCounter | undefined;
  readonly kill?: EpochCounter | undefined;
}

/** Puts the counters together. */
export function createEpochs({ release, trust, labels, kill }: EpochParts): EpochSource {
  const counters = [release, trust, labels, kill].filter((counter) => counter !== undefined);
  return {
    current: () => ({
      release_seq: release.current(),
      trust: trust?.current() ?? 0,
      labels: labels?.current() ?? 0,
      kill: kill?.current() ?? 0,
    }),
    onChange: (listener) => {
      const stops = counters.map((counter) => counter.onChange(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
