/** A service that is asked for facts (a PIP over HTTP). */

import { z } from 'zod';

/** What a service may answer for. */
export const HTTP_FIELDS = [
  'agent.type',
  'agent.trust_level',
  'agent.attributes',
  'tool.attributes',
  'user.email',
  'user.role',
  'user.team',
  'user.attributes',
  'context.data_classification',
  'context.attributes',
  'facts.sinks',
] as const;
const ATTRIBUTE = /^(agent|tool|user|context)\.attributes\.[A-Za-z0-9_-]{1,64}$/;

const auth = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('mtls').describe('The certificate of `tls`; the service chains to its authorities.'),
      spiffeId: z
        .string()
        .regex(/^spiffe:\/\/[A-Za-z0-9._/-]{1,2000}$/, 'expected spiffe://domain/path')
        .optional()
        .describe('Who the service is by its certificate; without it the name of the host must be in it.'),
    }),
    z.strictObject({
      type: z.literal('bearer').describe('A token in the header `Authorization`.'),
      tokenFile: z.string().min(1).describe('Holds the token; read at every question.'),
      caFile: z
        .string()
        .min(1)
        .optional()
        .describe("The service's authorities, instead of the system's; read at start."),
    }),
  ])
  .describe('How we and the service know each other.');

/** One of `context.http`. */
export const httpSourceConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'expected 1 to 63 lower-case letters, digits, underscores, hyphens')
    .refine((value) => value !== 'registry' && value !== 'agents', { message: 'this name is taken' })
    .describe('Label of metrics.'),
  url: z.url({ protocol: /^https$/ }).describe('Asked with POST; only over HTTPS, and redirects are not followed.'),
  provides: z
    .array(z.union([z.enum(HTTP_FIELDS), z.string().regex(ATTRIBUTE, 'expected a field that a service may provide')]))
    .min(1)
    .max(64)
    .readonly()
    .describe(
      'The fields that it answers for; an answer with another one is none. They are unavailable to policies when there is none.',
    ),
  auth,
  timeoutMs: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('An answer that takes longer is none, in milliseconds; shorter than `limits.decisionDeadlineMs`.'),
  cacheSeconds: z
    .int()
    .min(0)
    .max(3_600)
    .default(30)
    .describe(
      'An answer is used for so long, counted from its question, and not a moment longer; 0 asks every time. Its `Cache-Control` may ' +
        'shorten it.',
    ),
  maxCached: z.int().min(1).max(1_000_000).default(10_000).describe('Answers kept at once; the oldest makes room.'),
  maxAnswerBytes: z
    .int()
    .min(64)
    .max(256 * 1024)
    .default(16 * 1024)
    .describe('A longer answer is none, in bytes.'),
  maxConnections: z.int().min(1).max(1_000).default(16).describe('Connections at once.'),
  breaker: z
    .strictObject({
      volume: z.int().min(1).max(10_000).default(10).describe('Questions before failures count.'),
      failurePercent: z
        .int()
        .min(1)
        .max(100)
        .default(50)
        .describe('So many failures, and it is not asked for a while.'),
      pauseMs: z
        .int()
        .min(10)
        .max(600_000)
        .default(2_000)
        .describe('How long it is not asked then, in milliseconds; one question finds out.'),
    })
    .prefault({})
    .describe('When a service that fails is left alone; its fields are unavailable meanwhile.'),
});

/** Value of {@link httpSourceConfig}. */
export type HttpSourceConfig = z.output<typeof httpSourceConfig>;
