/** Static configuration of redaction. What is redacted is said by policies. */

import { z } from 'zod';
import { nerConfig } from './ner/config.js';

/** Within which equal values have equal hashes. */
export const HASH_SCOPES = ['tenant', 'session'] as const;

/** The `redaction` part of the configuration. */
export const redactionConfig = z
  .strictObject({
    hashKeyFile: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe(
        'File with the key of `hash`, at least 32 bytes; equal values look equal across all sidecars that have the same. ' +
          'A key of its own at every start when absent.',
      ),
    hashScope: z
      .enum(HASH_SCOPES)
      .default('session')
      .describe('Within which equal values have equal hashes: the tenant, or one session.'),
    tokenTtlMs: z
      .int()
      .min(1_000)
      .max(24 * 3_600_000)
      .default(1_800_000)
      .describe('How long after its last use a `tokenize` placeholder can be turned back.'),
    maxTokens: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Values of one session and server that have placeholders; further ones cannot be turned back.'),
    maxSessions: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Sessions and servers whose placeholders are kept; the one that was used longest ago goes first.'),
    ner: nerConfig
      .optional()
      .describe(
        'The service that finds names of people, places and organisations; a policy that wants them is refused without it.',
      ),
  })
  .prefault({})
  .describe('How what policies redact is replaced (guide: redaction).');

/** Value of {@link redactionConfig}. */
export type RedactionConfig = z.output<typeof redactionConfig>;
