/** The part of the configuration that is about sources of context (ADR-0012): none, unless they are given. */

import { z } from 'zod';
import { httpSourceConfig } from './http-source-config.js';

const memoryAgents = z.strictObject({
  type: z
    .literal('memory')
    .describe('Standings in this process, empty at every start; whoever embeds the PDP says what holds.'),
  maxAgents: z.int().min(1).max(1_000_000).default(10_000).describe('Agents of whom something may be said at once.'),
});

const redisAgents = z.strictObject({
  type: z.literal('redis').describe('Standings in a Redis that all PDPs share and operators write to.'),
  url: z
    .url({ protocol: /^redis$/, message: 'expected redis://[user:password@]host[:port][/database]' })
    .describe('`redis://[user:password@]host[:port][/database]`.'),
  tls: z.boolean().default(true).describe('Whether to use mutual TLS with the certificate of `tls`.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, colons, hyphens')
    .default('portcullis:agents')
    .describe('Begins every key: `<prefix>:<tenant>:<agent>` and `<prefix>:epoch`.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('An answer that takes longer is none, in milliseconds; shorter than `limits.decisionDeadlineMs`.'),
  pollMs: z
    .int()
    .min(10)
    .max(10_000)
    .default(250)
    .describe('Time between looks at the epoch, in milliseconds: a change holds everywhere after it.'),
  cacheMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(5_000)
    .describe('A standing is used for so long without another look while the epoch stays, in milliseconds.'),
  maxCached: z.int().min(1).max(1_000_000).default(10_000).describe('Standings kept at once; the oldest makes room.'),
});

/** `context`: where facts come from that a PEP does not say. */
export const contextConfig = z
  .strictObject({
    agents: z
      .discriminatedUnion('type', [memoryAgents, redisAgents])
      .optional()
      .describe('Where operators say how far an agent is trusted; counted by the trust epoch.'),
    http: z
      .array(httpSourceConfig)
      .max(16)
      .readonly()
      .default([])
      .refine((value) => new Set(value.map((one) => one.name)).size === value.length, {
        message: 'every source has a name of its own',
      })
      .describe('Services that are asked about an agent, a tool and a user; a later one has the last word.'),
  })
  .prefault({});

/** Value of {@link contextConfig}. */
export type ContextConfig = z.output<typeof contextConfig>;
