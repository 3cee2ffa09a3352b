/** The part of the configuration that is about AuthZEN's search (ADR-0022). */

import { z } from 'zod';

/** `http.search`. */
export const searchConfig = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether AuthZEN search is answered and announced.'),
    maxResults: z.int().min(1).max(1_000).default(100).describe('Results of one page; a caller may ask for fewer.'),
    pageMs: z
      .int()
      .min(10)
      .max(10_000)
      .default(500)
      .describe('A page takes no new candidates after this many milliseconds; the next page goes on from there.'),
    maxAtOnce: z.int().min(1).max(64).default(4).describe('Searches under way at once; one more is refused (503).'),
    tokenSeconds: z.int().min(10).max(86_400).default(600).describe('A page token can be used for so long.'),
  })
  .prefault({});

/** Value of {@link searchConfig}. */
export type SearchConfig = z.output<typeof searchConfig>;
