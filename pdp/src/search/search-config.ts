/** The part of the configuration that is about AuthZEN's search (ADR-0022). */

import { z } from 'zod';

const MAX_ENTITIES = 10_000;
const MAX_TYPES = 256;
const MAX_ACTIONS = 256;
const type = z.string().min(1).max(128);

const entity = z.strictObject({
  tenant: z.string().min(1).max(128).optional().describe('The only tenant that has it; without one all have.'),
  type: type.describe('`user`, or a type of resources.'),
  id: z.string().min(1).max(2_048).describe('What evaluations call it.'),
  properties: z
    .record(z.string().min(1).max(128), z.json())
    .optional()
    .describe('What is said of it in the question and in the result.'),
});

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
    entities: z
      .array(entity)
      .max(MAX_ENTITIES)
      .default([])
      .describe(
        'Users and resources that a search goes through: those of which no bundle has a list. Agents and tools are ' +
          'declared by the bundle.',
      ),
    actions: z
      .record(type, z.array(type).min(1).max(MAX_ACTIONS))
      .refine((value) => Object.keys(value).length <= MAX_TYPES, `expected at most ${MAX_TYPES} types`)
      .default({})
      .describe('What can be done with resources of a type, by type: for those of which no protocol says it.'),
  })
  .prefault({});

/** Value of {@link searchConfig}. */
export type SearchConfig = z.output<typeof searchConfig>;
