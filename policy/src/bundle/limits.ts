/** Caps on a bundle (contracts §10). */
export interface BundleLimits {
  /** Bytes of the tar.gz. */
  readonly maxCompressedBytes: number;
  /** Bytes of the tar inside. */
  readonly maxExpandedBytes: number;
  readonly maxFiles: number;
  /** Segments of a file's name. */
  readonly maxDepth: number;
}

/** 16 MiB compressed, 64 MiB expanded, 10,000 files, 8 levels. */
export const BUNDLE_LIMITS: BundleLimits = {
  maxCompressedBytes: 16 * 1024 * 1024,
  maxExpandedBytes: 64 * 1024 * 1024,
  maxFiles: 10_000,
  maxDepth: 8,
};
