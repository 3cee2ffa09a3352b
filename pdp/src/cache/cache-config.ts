/** The configuration of the PDP's cache of decisions; the PDP composes it under `cache`. */

import { z } from 'zod';

/** How much is kept. How long is the bundle's to say. */
export const cacheConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Whether decisions are kept here, and may be kept by sidecars, for as long as the bundle says; `false` keeps none anywhere.',
      ),
    maxEntries: z.int().min(1).max(1_000_000).default(10_000).describe('Decisions kept at once.'),
    maxBytes: z
      .int()
      .min(65_536)
      .max(1_073_741_824)
      .default(16_777_216)
      .describe('Memory for what is kept, in bytes, as far as it is counted.'),
  })
  .prefault({})
  .describe(
    'Decisions that are kept and serve equal requests (ADR-0017); bundles that do not ask for it are not affected.',
  );

/** The compiled form. */
export type CacheConfig = z.output<typeof cacheConfig>;
