/** Configuration of traces. */

import { z } from 'zod';
import { secretSource } from '../config/secret-source.js';

/** `tracing`: OpenTelemetry spans over OTLP. Without it none are made and nothing of it is loaded. */
export const tracingConfig = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine((text) => URL.canParse(text) && new URL(text).username === '', 'must not carry credentials')
    .describe('Where spans are sent: OTLP over HTTP, protobuf; such as http://127.0.0.1:4318/v1/traces.'),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'must be a header name'), secretSource)
    .default({})
    .describe('Sent with every export, e.g. the credential of the collector.'),
  sampleRatio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Share of traces that begin here and are recorded; one that began elsewhere is recorded if its caller says so.',
    ),
  maxQueueSpans: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(2048)
    .describe('Most spans that wait to be sent; more are dropped.'),
  exportTimeoutMs: z.int().min(100).max(60_000).default(5_000).describe('Time for one export.'),
});

/** Value of {@link tracingConfig}. */
export type TracingConfig = z.output<typeof tracingConfig>;
