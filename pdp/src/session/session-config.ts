/** Where sessions are kept, and how much of them. */

import { z } from 'zod';
import { UNNAMED_RULES } from './naming.js';

const memorySessions = z.strictObject({
  type: z
    .literal('memory')
    .describe('In this process: for one PDP alone. What happened before a restart is not known any more.'),
  maxTotalBytes: z
    .int()
    .min(1_024)
    .max(64 * 1024 * 1024 * 1024)
    .default(256 * 1024 * 1024)
    .describe('All sessions together, in bytes; what would go beyond makes sessions of the same tenant forgotten.'),
});
const redisSessions = z.strictObject({
  type: z.literal('redis').describe('In a Redis that all PDPs share.'),
  url: z
    .url({ protocol: /^redis$/, message: 'expected redis://[user:password@]host[:port][/database]' })
    .describe('`redis://[user:password@]host[:port][/database]`.'),
  tls: z.boolean().default(true).describe('Whether to use mutual TLS with the certificate of `tls`.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, colons, hyphens')
    .default('portcullis:session')
    .describe('Begins every key; all PDPs that share sessions have the same.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('An answer that takes longer is none, in milliseconds; shorter than `limits.decisionDeadlineMs`.'),
  keyFile: z
    .string()
    .min(1)
    .describe('File of 32 bytes or more, the same for all PDPs: what sessions saw is kept only as HMACs under it.'),
  warmUpSeconds: z
    .int()
    .min(0)
    .max(31_622_400)
    .optional()
    .describe(
      'How long a Redis without a past is not believed when it knows nothing of a session; `idleSeconds` when absent. ' +
        'Shorter lets a session that it lost begin anew, without its labels.',
    ),
  epochPollMs: z
    .int()
    .min(50)
    .max(60_000)
    .default(500)
    .describe('Time between looks at whether other PDPs changed labels of sessions, in milliseconds.'),
});

/** The section `sessions` of the PDP's configuration. */
export const sessionConfig = z
  .strictObject({
    store: z
      .discriminatedUnion('type', [memorySessions, redisSessions])
      .prefault({ type: 'memory' })
      .describe('Who keeps the sessions. With several PDPs `memory` knows only what the same PDP was asked.'),
    unnamed: z
      .enum(UNNAMED_RULES)
      .default('deny')
      .describe(
        'What of requests without `context.session_id`, where a policy reads the session: `deny`, or count them to one ' +
          'session per `agent`, for PEPs that know no sessions. Not for agents some of whose PEPs name sessions.',
      ),
    toolsFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'JSON file (`portcullis.tools/1`) with what is declared of tools: effect, sinks, roles of arguments, whose words ' +
          'their results are. A tool of which nothing is declared counts as a write that brings the words of others.',
      ),
    idleSeconds: z
      .int()
      .min(1)
      .max(31_622_400)
      .default(604_800)
      .describe('A session that nothing happens in for so long is forgotten: then what reads it is in error.'),
    rememberSeconds: z
      .int()
      .min(2)
      .max(63_244_800)
      .default(2_592_000)
      .describe('How long a forgotten session is not taken for a new one; longer than `idleSeconds`.'),
    maxSessions: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(10_000)
      .describe('Sessions kept per tenant; one more, and the one idle for longest is forgotten.'),
    maxRemembered: z
      .int()
      .min(1)
      .max(100_000_000)
      .default(1_000_000)
      .describe('Sessions per tenant that are known to have been; no new one begins beyond.'),
    maxBytes: z
      .int()
      .min(1_024)
      .max(16 * 1024 * 1024)
      .default(1024 * 1024)
      .describe('A session that grows beyond it is forgotten, in bytes of JSON.'),
    maxResultBytes: z
      .int()
      .min(256)
      .max(2 * 1024 * 1024)
      .default(128 * 1024)
      .describe('Of one result a PEP reports so much, in bytes of JSON; at most half of `limits.maxMessageBytes`.'),
  })
  .prefault({})
  .refine(({ idleSeconds, rememberSeconds }) => rememberSeconds > idleSeconds, {
    path: ['rememberSeconds'],
    message: 'expected more than idleSeconds',
  })
  .refine(({ maxSessions, maxRemembered }) => maxRemembered >= maxSessions, {
    path: ['maxRemembered'],
    message: 'expected maxSessions or more',
  });

/** The compiled section. */
export type SessionConfig = z.output<typeof sessionConfig>;
