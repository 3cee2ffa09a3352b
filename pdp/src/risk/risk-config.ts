/** The part of the configuration that is about risk (ADR-0015). */

import { ANALYSERS, DEFAULT_RISK_PARAMETERS } from '@portcullis/policy/risk';
import { z } from 'zod';

const SIGNALS = ANALYSERS.map(({ signalType }) => signalType) as [string, ...string[]];
const signal = z.enum(SIGNALS);
const share = z.number().min(0).max(1);
const labels = z.array(z.string().min(1).max(128)).max(64).readonly();

const memoryBaselines = z.strictObject({
  type: z.literal('memory').describe('In this process: every PDP learns for itself, from nothing at every start.'),
  maxAgents: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Agents that are remembered; beyond it the one that was not heard of for longest is forgotten.'),
});

const redisBaselines = z.strictObject({
  type: z.literal('redis').describe('In a Redis that all PDPs share.'),
  url: z
    .url({ protocol: /^redis$/, message: 'expected redis://[user:password@]host[:port][/database]' })
    .describe('`redis://[user:password@]host[:port][/database]`.'),
  tls: z.boolean().default(true).describe('Whether to use mutual TLS with the certificate of `tls`.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, colons, hyphens')
    .default('portcullis:risk')
    .describe('Begins every key; all PDPs that share baselines have the same.'),
});

const analyserName = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'expected lower-case letters, digits, underscores');
const spiffeId = z
  .string()
  .regex(/^spiffe:\/\/[^\s/?#]+\/[^\s?#]+$/, 'expected spiffe://<trust domain>/<path>')
  .describe('The SPIFFE identity that the server must have.');
const analyserBase = {
  name: analyserName.describe('In explanations and in the details of its signals.'),
  required: z
    .boolean()
    .describe('Whether the risk is unavailable without its answer; otherwise the explanation says so.'),
  weight: share.default(0.8).describe('What a score of 1 says about the whole risk.'),
  deadlineMs: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe(
      'A later answer is none, in milliseconds; the decision goes on 5 ms before its own deadline in any case.',
    ),
  maxAnswerBytes: z
    .int()
    .min(256)
    .max(1024 * 1024)
    .default(64 * 1024)
    .describe('A longer answer is none, in bytes.'),
};
const httpAnalyser = z.strictObject({
  type: z.literal('http').describe('JSON over HTTPS.'),
  ...analyserBase,
  url: z.url({ protocol: /^https$/ }).describe('Where subjects are posted to; redirects are not followed.'),
  auth: z
    .discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('mtls').describe('With the certificate and authorities of `tls`.'),
        serverId: spiffeId,
      }),
      z.strictObject({
        type: z.literal('bearer').describe('With a token.'),
        tokenFile: z.string().min(1).describe('File of the token; read again at every question.'),
        caFile: z.string().min(1).optional().describe('Authorities of the server; those of the system when absent.'),
      }),
    ])
    .describe('How both sides prove who they are.'),
});
const grpcAnalyser = z.strictObject({
  type: z.literal('grpc').describe('`portcullis.v1.RiskAnalyser` over mutual TLS.'),
  ...analyserBase,
  address: z
    .string()
    .regex(/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$/, 'expected host:port')
    .describe('`host:port`.'),
  serverId: spiffeId,
});

/** `risk`: the stage that judges what an attempt is after. */
export const riskConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether `intent_risk` is assessed for bundles that read it; otherwise it is what the caller says.'),
    reviewFrom: share
      .default(DEFAULT_RISK_PARAMETERS.reviewFrom)
      .describe('Whole risk from which the decision of `intent_risk` is REVIEW.'),
    blockFrom: share
      .default(DEFAULT_RISK_PARAMETERS.blockFrom)
      .describe('Whole risk from which the decision of `intent_risk` is BLOCK.'),
    disabled: z.array(signal).readonly().default([]).describe('Signals that are not looked for.'),
    weights: z
      .partialRecord(signal, share)
      .default({})
      .describe('Weights in the place of those in the reference of signals.'),
    minAttempts: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(DEFAULT_RISK_PARAMETERS.minAttempts)
      .describe('Attempts before an agent has habits; until then nothing it does is called unusual.'),
    minAgeMs: z
      .int()
      .min(0)
      .max(30 * 86_400_000)
      .default(DEFAULT_RISK_PARAMETERS.minAgeMs)
      .describe('Time before an agent has habits, in milliseconds.'),
    burstFactor: z
      .number()
      .min(1)
      .max(1_000)
      .default(DEFAULT_RISK_PARAMETERS.burstFactor)
      .describe('How many times its usual rate an agent may go before that is a signal.'),
    burstFloorPerMinute: z
      .number()
      .min(0)
      .max(1_000_000)
      .default(DEFAULT_RISK_PARAMETERS.burstFloorPerMinute)
      .describe('Attempts a minute that are never a burst.'),
    denials: z
      .int()
      .min(1)
      .max(1_000)
      .default(DEFAULT_RISK_PARAMETERS.denials)
      .describe('Recent denials from which they are a signal.'),
    amountLimit: z
      .number()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .default(DEFAULT_RISK_PARAMETERS.amountLimit)
      .describe('Sum of recent amounts of one agent from which they are a signal; 0 looks at its habits alone.'),
    sensitiveLabels: labels
      .default(DEFAULT_RISK_PARAMETERS.sensitiveLabels)
      .describe('Labels of what must not leave; upper and lower case are the same.'),
    untrustedLabels: labels
      .default(DEFAULT_RISK_PARAMETERS.untrustedLabels)
      .describe('Labels of what neither user nor operator wrote; upper and lower case are the same.'),
    baselines: z
      .strictObject({
        store: z
          .discriminatedUnion('type', [memoryBaselines, redisBaselines])
          .prefault({ type: 'memory' })
          .describe('Who keeps what agents usually do.'),
        required: z
          .boolean()
          .default(false)
          .describe('Whether the risk is unavailable while the store is; otherwise its explanation says so.'),
        timeoutMs: z
          .int()
          .min(1)
          .max(10_000)
          .default(10)
          .describe('A baseline that takes longer is not known, in milliseconds.'),
        habitHours: z
          .number()
          .min(1)
          .max(24 * 365)
          .default(24 * 7)
          .describe('Half of a habit is forgotten after so many hours.'),
        recentMinutes: z
          .number()
          .min(0.1)
          .max(24 * 60)
          .default(5)
          .describe('Half of what counts as recent (rate, denials) is forgotten after so many minutes.'),
        amountHours: z
          .number()
          .min(0.1)
          .max(24 * 365)
          .default(24)
          .describe('Half of a sum of amounts is forgotten after so many hours.'),
        maxInFlight: z
          .int()
          .min(1)
          .max(100_000)
          .default(1_024)
          .describe('Observations under way at once; more are dropped and counted.'),
      })
      .prefault({})
      .describe('What agents usually do.'),
    analysers: z
      .array(z.discriminatedUnion('type', [httpAnalyser, grpcAnalyser]))
      .max(8)
      .readonly()
      .default([])
      .describe(
        'Analysers outside the PDP; each is shown the request whole, arguments included, and can only raise the risk.',
      ),
    maxAnalyserQuestions: z
      .int()
      .min(1)
      .max(100_000)
      .default(256)
      .describe('Questions under way at once, of one analyser; more are not asked.'),
    maxSubjectBytes: z
      .int()
      .min(1_024)
      .max(8 * 1024 * 1024)
      .default(512 * 1024)
      .describe('A longer subject is not sent to analysers, in bytes.'),
  })
  .prefault({})
  .refine(({ analysers }) => new Set(analysers.map(({ name }) => name)).size === analysers.length, {
    path: ['analysers'],
    message: 'expected every name once',
  })
  .refine(({ reviewFrom, blockFrom }) => reviewFrom <= blockFrom, {
    path: ['reviewFrom'],
    message: 'expected at most blockFrom',
  });

/** Value of {@link riskConfig}. */
export type RiskConfig = z.output<typeof riskConfig>;
