// Original file: proto/portcullis/v1/decision.proto

export const BundleFreshness = {
  BUNDLE_FRESHNESS_UNSPECIFIED: 'BUNDLE_FRESHNESS_UNSPECIFIED',
  BUNDLE_FRESHNESS_FRESH: 'BUNDLE_FRESHNESS_FRESH',
  BUNDLE_FRESHNESS_STALE: 'BUNDLE_FRESHNESS_STALE',
  BUNDLE_FRESHNESS_EXPIRED: 'BUNDLE_FRESHNESS_EXPIRED',
} as const;

export type BundleFreshness =
  | 'BUNDLE_FRESHNESS_UNSPECIFIED'
  | 0
  | 'BUNDLE_FRESHNESS_FRESH'
  | 1
  | 'BUNDLE_FRESHNESS_STALE'
  | 2
  | 'BUNDLE_FRESHNESS_EXPIRED'
  | 3

export type BundleFreshness__Output = typeof BundleFreshness[keyof typeof BundleFreshness]
