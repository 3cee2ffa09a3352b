/**
 * The counters that every answer and every watcher is told: whoever keeps an answer keeps them with it, and drops it when
 * one of them moves. A counter stands for something that policies read; it is moved after that has changed, never before.
 */

import type { Epochs } from '@portcullis/proto';

/** What moves besides releases: trust in agents, labels of sessions, the kill switch. */
export const COUNTERS = ['trust', 'labels', 'kill'] as const;
/** A counter. */
export type Counter = (typeof COUNTERS)[number];

/** The epochs at this instant. */
export interface EpochSource {
  /** A decision is answered with the epochs that were current before anything was read for it. */
  current(): Epochs;
  /** Calls `listener` after `current()` changed. Returns the way to stop. Listeners must not throw. */
  onChange(listener: () => void): () => void;
}

/** An {@link EpochSource} whose counters others move. */
export interface EpochCounters extends EpochSource {
  /**
   * What the counter stands for has changed, here. Call it once the change is visible to every later read of this
   * process, its own caches included; an answer made of the old state must not carry the new number.
   */
  advance(counter: Counter): void;
  /**
   * The number that all PDPs share, as a store or a message tells it. A number that is not higher changes nothing, so
   * it does not matter in which order they come.
   * @throws RangeError unless it is a whole number, 0 to 2^32 - 1
   */
  reach(counter: Counter, value: number): void;
}

/** Where the number of the release in force comes from. */
export interface ReleaseNumbers {
  state(): { readonly releaseSeq: number };
  onChange(listener: () => void): () => void;
}

/** What the wire can carry. */
const MAX_EPOCH = 0xffff_ffff;

/** Starts at 0, with the release in force. Lives as long as `releases`. */
export function createEpochs(releases: ReleaseNumbers): EpochCounters {
  const counters: Record<Counter, number> = { trust: 0, labels: 0, kill: 0 };
  const listeners = new Set<() => void>();
  let announced = releases.state().releaseSeq;

  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const reach = (counter: Counter, value: number): void => {
    if (!Number.isInteger(value) || value < 0 || value > MAX_EPOCH) {
      throw new RangeError(`an epoch is a whole number, 0 to 2^32 - 1: ${counter}`);
    }
    if (value <= counters[counter]) return;
    counters[counter] = value;
    tell();
  };
  releases.onChange(() => {
    const { releaseSeq } = releases.state();
    if (releaseSeq === announced) return;
    announced = releaseSeq;
    tell();
  });

  return {
    current: () => ({ release_seq: releases.state().releaseSeq, ...counters }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    advance: (counter) => reach(counter, counters[counter] + 1),
    reach,
  };
}
