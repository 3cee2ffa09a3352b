/** How long a release may be served after its last sign of life (contracts §10). Pure: time is an argument. */

/** Seconds of {@link FRESHNESS_PROFILES} are milliseconds here. */
export interface FreshnessProfile {
  /** How long one signed timestamp keeps a release fresh, at most; its own expiry may be earlier. */
  readonly lifetimeMs: number;
  /** How much longer the release is served, as `stale`. */
  readonly maxStaleMs: number;
}

const MINUTE = 60_000;

/** The profiles by name. */
export const FRESHNESS_PROFILES = {
  standard: { lifetimeMs: MINUTE, maxStaleMs: 10 * MINUTE },
  strict: { lifetimeMs: 15_000, maxStaleMs: 0 },
  available: { lifetimeMs: MINUTE, maxStaleMs: 24 * 60 * MINUTE },
} as const satisfies Record<string, FreshnessProfile>;
/** The name of a profile. */
export type FreshnessProfileName = keyof typeof FRESHNESS_PROFILES;

/** Nothing that was decided is kept for longer, whatever its bundle says: with the profile, the bound of contracts §13 P1. */
export const MAX_CACHE_TTL_SECONDS = {
  standard: 30,
  strict: 5,
  available: 30,
} as const satisfies Record<FreshnessProfileName, number>;

/** A clock may be this much behind what it said before (NTP steps), and no more: contracts §13 count with 5 s of skew. */
export const CLOCK_TOLERANCE_MS = 5_000;

/** The newest signed timestamp that vouched for the active release, in epoch milliseconds. */
export interface SignOfLife {
  readonly expiresAt: number;
  /** What our clock said when it was first accepted. */
  readonly acceptedAt: number;
}

/** `fresh` serves; `stale` serves and alarms; `expired` denies. */
export type ServedFreshness = 'fresh' | 'stale' | 'expired';

/**
 * How fresh a release is at `now`.
 * @param notAfter the release's own end; past it nothing is served.
 */
export function freshnessAt(
  now: number,
  sign: SignOfLife,
  notAfter: number,
  profile: FreshnessProfile,
): ServedFreshness {
  // The profile bounds the lifetime as well: a timestamp signed for a year must not keep a release alive for a year.
  const freshUntil = Math.min(sign.expiresAt, sign.acceptedAt + profile.lifetimeMs);
  if (now >= notAfter || now >= freshUntil + profile.maxStaleMs) return 'expired';
  return now < freshUntil ? 'fresh' : 'stale';
}
