/** The part of the configuration that is about evidence. */

import { z } from 'zod';

/** `evidence`. */
export const evidenceConfig = z
  .strictObject({
    maxMemoryRecords: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(100_000)
      .describe(
        'Records of all PDPs that are held in memory; the oldest go first. PDPs remove nothing for the sake of them.',
      ),
  })
  .prefault({});
