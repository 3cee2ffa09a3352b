/** The static configuration of the PDP client; the sidecar composes it under `pdp`. */

import { z } from 'zod';

const breakerConfig = z
  .strictObject({
    volumeThreshold: z
      .int()
      .min(1)
      .max(100_000)
      .default(20)
      .describe('Questions in the window before the breaker may open'),
    errorThresholdPercentage: z
      .number()
      .min(1)
      .max(100)
      .default(50)
      .describe('Share of questions in the window, in per cent, that must exceed this to open the breaker'),
    resetTimeoutMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(1000)
      .describe('How long the breaker stays open before it probes; more than deadlineMs, ms'),
    rollingWindowMs: z.int().min(500).max(120_000).default(5000).describe('The window the breaker counts in, ms'),
  })
  .describe('The circuit breaker in front of the whole PDP cluster');

const settleConfig = z
  .strictObject({
    flushMs: z.int().min(1).max(60_000).default(100).describe('Longest wait before a settlement is sent, ms'),
    maxQueue: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Settlements kept while no PDP takes them; more are dropped and counted'),
    deadlineMs: z.int().min(10).max(60_000).default(1000).describe('Deadline of one Settle call, ms'),
  })
  .describe('Reporting what became of decisions');

const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;

/** `host:port`; IPv6 addresses in brackets. */
const endpoint = z.string().refine((value) => {
  const port = Number(HOST_PORT.exec(value)?.[1]);
  return port >= 1 && port <= 65_535;
}, 'must be host:port');

/**
 * How to reach the PDPs and how long to wait for them. Every duration is in milliseconds.
 * The defaults are those of the fault matrix: 50 ms deadline, hedge at 20 ms, keepalive 1 s with 0.5 s.
 */
export const pdpConfig = z
  .strictObject({
    endpoints: z
      .array(endpoint)
      .min(1)
      .max(256)
      .refine((list) => new Set(list).size === list.length, 'endpoints must be distinct')
      .describe('The PDPs, as host:port'),
    deadlineMs: z.int().min(5).max(10_000).default(50).describe('Deadline of one question, absolute, ms'),
    hedgeAfterMs: z
      .int()
      .min(1)
      .max(10_000)
      .default(20)
      .describe('Unanswered for this long, a question also goes to another PDP; less than deadlineMs, ms'),
    hedgeRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Hedges allowed per question, as a ratio, when no PDP is silent'),
    hedgeBurst: z.int().min(0).max(10_000).default(32).describe('Hedges allowed at once above the ratio'),
    keepaliveMs: z.int().min(100).max(600_000).default(1000).describe('Interval of transport pings, ms'),
    keepaliveTimeoutMs: z
      .int()
      .min(50)
      .max(60_000)
      .default(500)
      .describe('A transport ping unanswered for this long ends the connection, ms'),
    connectTimeoutMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(2000)
      .describe('A connection not usable after this long is given up, ms'),
    reconnectMinMs: z.int().min(10).max(60_000).default(100).describe('First wait before connecting again, ms'),
    reconnectMaxMs: z
      .int()
      .min(10)
      .max(60_000)
      .default(1000)
      .describe('Longest wait before connecting again; at least reconnectMinMs, ms'),
    maxInFlight: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1024)
      .describe('Questions waiting for an answer; one more is refused'),
    maxQuestionBytes: z
      .int()
      .min(1024)
      .max(16_777_216)
      .default(262_144)
      .describe('Largest message with encoded questions; must not exceed what the PDPs receive, bytes'),
    maxReplyBytes: z
      .int()
      .min(65_536)
      .max(16_777_216)
      .default(262_144)
      .describe('Largest message with encoded answers; a PDP puts answers of up to 65536 together, bytes'),
    breaker: breakerConfig.prefault({}),
    settle: settleConfig.prefault({}),
  })
  .superRefine((value, context) => {
    if (value.hedgeAfterMs >= value.deadlineMs) {
      context.addIssue({ code: 'custom', path: ['hedgeAfterMs'], message: 'must be less than deadlineMs' });
    }
    if (value.breaker.resetTimeoutMs <= value.deadlineMs) {
      // A question begun before the outage must not be able to close a half-open breaker.
      context.addIssue({
        code: 'custom',
        path: ['breaker', 'resetTimeoutMs'],
        message: 'must be more than deadlineMs',
      });
    }
    if (value.reconnectMaxMs < value.reconnectMinMs) {
      context.addIssue({ code: 'custom', path: ['reconnectMaxMs'], message: 'must be at least reconnectMinMs' });
    }
  });

/** The compiled form: every field present. */
export type PdpConfig = z.output<typeof pdpConfig>;
