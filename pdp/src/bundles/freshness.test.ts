import { describe, expect, test } from '@jest/globals';
import { FRESHNESS_PROFILES, freshnessAt } from './freshness.js';

const T = 1_000_000_000;
const FAR = T + 1e12;
const sign = { acceptedAt: T, expiresAt: T + 60_000 };

describe('freshness', () => {
  test.each([
    ['standard', 0, 'fresh'],
    ['standard', 59_999, 'fresh'],
    ['standard', 60_000, 'stale'],
    ['standard', 659_999, 'stale'],
    ['standard', 660_000, 'expired'],
    ['strict', 14_999, 'fresh'],
    ['strict', 15_000, 'expired'],
    ['available', 60_000, 'stale'],
    ['available', 60_000 + 86_399_999, 'stale'],
    ['available', 60_000 + 86_400_000, 'expired'],
  ] as const)('%s after %d ms: %s', (profile, ms, expected) => {
    expect(freshnessAt(T + ms, sign, FAR, FRESHNESS_PROFILES[profile])).toBe(expected);
  });

  test('a timestamp that expires earlier than the profile allows counts as it says', () => {
    expect(freshnessAt(T + 10_000, { acceptedAt: T, expiresAt: T + 10_000 }, FAR, FRESHNESS_PROFILES.standard)).toBe(
      'stale',
    );
  });

  test('a timestamp signed for a year does not keep a release alive for a year', () => {
    const year = { acceptedAt: T, expiresAt: T + 365 * 86_400_000 };
    expect(freshnessAt(T + 15_000, year, FAR, FRESHNESS_PROFILES.strict)).toBe('expired');
  });

  test('a release past its own end is expired, however fresh the timestamp', () => {
    expect(freshnessAt(T, sign, T, FRESHNESS_PROFILES.available)).toBe('expired');
  });
});
