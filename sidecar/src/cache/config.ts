/** The configuration of the sidecar's cache of decisions; the sidecar composes it under `cache`. */

import { z } from 'zod';

/** How much is kept. How long, and for which requests, the PDP says with every answer. */
export const cacheConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether allows are kept for as long as the PDP says, and serve equal requests without asking.'),
    maxEntries: z.int().min(1).max(1_000_000).default(5_000).describe('Allows kept at once.'),
    maxBytes: z
      .int()
      .min(65_536)
      .max(1_073_741_824)
      .default(8_388_608)
      .describe('Memory for what is kept, in bytes, as far as it is counted.'),
  })
  .prefault({})
  .describe('Allows that are kept (ADR-0017); there are none unless the bundle in force asks for it.');

/** The compiled form. */
export type CacheConfig = z.output<typeof cacheConfig>;
