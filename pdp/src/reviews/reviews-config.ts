/** Static configuration of reviews. */

import { z } from 'zod';

/** `reviews` of the PDP's configuration. */
export const reviewsConfig = z
  .strictObject({
    required: z
      .boolean()
      .default(false)
      .describe('Whether a decision that asks for a review waits until it is kept, and is denied when it cannot be.'),
    maxOpen: z
      .int()
      .min(1)
      .max(100_000)
      .default(10_000)
      .describe('Reviews that wait for somebody at once; of all PDPs that share `approvals.store`.'),
    maxClosed: z.int().min(0).max(100_000).default(1_000).describe('Closed reviews that are remembered.'),
  })
  .prefault({});

/** See {@link reviewsConfig}. */
export type ReviewsConfig = z.output<typeof reviewsConfig>;
