/** The release in force: one pointer, swapped whole. Decisions in flight keep the snapshot that they took. */

import type { ReleasePointer } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';
import type { Snapshot, SnapshotSource } from '../pipeline/ports.js';
import {
  CLOCK_TOLERANCE_MS,
  type FreshnessProfile,
  freshnessAt,
  type ServedFreshness,
  type SignOfLife,
} from './freshness.js';

/** A release that was verified, compiled and persisted. */
export interface ActiveRelease {
  readonly pointer: ReleasePointer;
  readonly snapshot: Snapshot;
  readonly sign: SignOfLife;
}

/** What watchers are told; `none` before the first valid release. */
export interface ReleaseState {
  readonly releaseSeq: number;
  readonly bundleDigest: string;
  readonly policyVersion: string;
  readonly freshness: ServedFreshness | 'none';
}

/** Holds the active release. */
export interface ActiveReleases extends SnapshotSource {
  readonly release: ActiveRelease | undefined;
  /** Puts `release` in force. */
  swap(release: ActiveRelease): void;
  /** Notes a newer sign of life of the release in force; the one that it has changes nothing. */
  renew(sign: SignOfLife): void;
  /** The highest wall clock time at which metadata was ever accepted, this process or before; a clock far behind it denies. */
  noteTrustedTime(at: number): void;
  /** Whether the wall clock is behind the last trusted time by more than the tolerance. */
  clockWentBack(): boolean;
  state(): ReleaseState;
  /** Seconds since the newest sign of life was accepted; NaN without a release. */
  ageSeconds(): number;
  /** Calls `listener` whenever `state()` may differ from before. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  /** Compares the state with the last announced one and tells the listeners; freshness changes by time alone. */
  announce(): void;
}

interface Held extends ActiveRelease {
  readonly notAfter: number;
  /** Monotonic time at `acceptedAt`, so that a wall clock set back cannot lengthen a release's life. */
  readonly acceptedMonotonic: number;
  readonly found: { readonly ok: true; readonly snapshot: Snapshot };
}

const NONE = { ok: false, message: 'no valid bundle has been loaded' } as const;
const EXPIRED = { ok: false, message: 'the bundle is past the time that it may be served' } as const;
const CLOCK = { ok: false, message: 'the clock is behind the last trusted time' } as const;

/** Starts empty: without a release everything is denied. */
export function createActiveReleases(clock: Clock, profile: FreshnessProfile): ActiveReleases {
  let held: Held | undefined;
  let trustedAt = 0;
  const listeners = new Set<() => void>();
  let announced = '';

  const hold = (release: ActiveRelease): Held => ({
    ...release,
    notAfter: Date.parse(release.pointer.not_after),
    acceptedMonotonic: clock.monotonic() - Math.max(0, clock.now() - release.sign.acceptedAt),
    found: { ok: true, snapshot: release.snapshot },
  });
  const clockWentBack = (): boolean => clock.now() < trustedAt - CLOCK_TOLERANCE_MS;
  const freshness = (current: Held): ServedFreshness => {
    const elapsed = clock.monotonic() - current.acceptedMonotonic;
    const now = Math.max(clock.now(), current.sign.acceptedAt + elapsed);
    return freshnessAt(now, current.sign, current.notAfter, profile);
  };
  const state = (): ReleaseState => ({
    releaseSeq: held?.snapshot.releaseSeq ?? 0,
    bundleDigest: held?.snapshot.bundleDigest ?? '',
    policyVersion: held?.snapshot.policyVersion ?? '',
    freshness: held === undefined ? 'none' : clockWentBack() ? 'expired' : freshness(held),
  });
  const announce = (): void => {
    const text = JSON.stringify(state());
    if (text === announced) return;
    announced = text;
    for (const listener of listeners) listener();
  };

  return {
    get release() {
      return held;
    },
    current: () => {
      if (held === undefined) return NONE;
      if (clockWentBack()) return CLOCK;
      return freshness(held) === 'expired' ? EXPIRED : held.found;
    },
    swap: (release) => {
      held = hold(release);
      announce();
    },
    renew: (sign) => {
      // Of one that is known the age is known as well: to ask the wall clock again would be to believe one that was set back.
      if (held === undefined || held.sign === sign) return;
      held = hold({ ...held, sign });
      announce();
    },
    noteTrustedTime: (at) => {
      trustedAt = Math.max(trustedAt, at);
    },
    clockWentBack,
    state,
    ageSeconds: () => (held === undefined ? Number.NaN : Math.max(0, clock.now() - held.sign.acceptedAt) / 1000),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announce,
  };
}
