/** Configuration of the service that finds names of people, places and organisations. */

import { z } from 'zod';

const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** `redaction.ner`. Without it a policy's `ner: true` is refused. */
export const nerConfig = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url?.username === '' && url.search === '' && url.hash === '';
    }, 'must not carry credentials, a query or a fragment')
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url?.protocol === 'https:' || LOOPBACK.test(url?.hostname ?? '');
    }, 'must be https: what is asked is personal data; http only to a loopback address')
    .describe(
      'Base URL of a Presidio analyzer, such as http://127.0.0.1:5002; its path /analyze is asked. Redirects are not followed.',
    ),
  caFile: z.string().min(1).optional().describe("Its authorities, instead of the system's; read at start."),
  language: z
    .string()
    .regex(/^[a-z]{2,3}$/, 'must be a language code such as en')
    .default('en')
    .describe('The language that it is asked in; it must have a model for it.'),
  entities: z
    .array(z.string().regex(/^[A-Z][A-Z_]{1,40}$/, 'must be a Presidio entity, such as PERSON'))
    .min(1)
    .max(64)
    .default(['PERSON', 'LOCATION', 'NRP'])
    .describe(
      'What it is asked for, and all that it may find. It must look for each: an analyzer as it comes does not look for ORGANIZATION.',
    ),
  scoreThreshold: z.number().min(0).max(1).default(0.5).describe('Findings less certain than this stay.'),
  timeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(2_000)
    .describe('Time for everything that is asked about one message, or at once about a stream.'),
  maxConcurrent: z.int().min(1).max(256).default(8).describe('Questions at once; further ones wait.'),
  maxTextUnits: z
    .int()
    .min(1_024)
    .max(1_000_000)
    .default(50_000)
    .describe('UTF-16 units of one question; longer texts are asked about in parts that overlap.'),
  maxTexts: z
    .int()
    .min(1)
    .max(100_000)
    .default(2_000)
    .describe('Questions about one message, or at once about a stream; more are treated as though nobody answered.'),
  failure: z
    .enum(['deny', 'patterns'])
    .default('deny')
    .describe(
      'What happens when it does not answer all in time: the attempt is refused and an answer withheld, or they are redacted of ' +
        'what patterns find. The record says which.',
    ),
});

/** Value of {@link nerConfig}. */
export type NerConfig = z.output<typeof nerConfig>;
