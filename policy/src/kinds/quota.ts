import { z } from 'zod';
import { QUOTA_KINDS, type QuotaKind } from '../model/decision.js';
import { assertNever } from '../model/exhaustive.js';
import type { Json } from '../model/request.js';
import { MAX_UNITS, nanosOf } from '../prices/money.js';
import { any, leaf, present } from './condition-text.js';
import { strictConfig, wordOf } from './config-values.js';
import type { PolicyKind } from './kind.js';
import { accountsPer, windowSeconds } from './quota-values.js';

const MAX_LIMIT = 1_000_000_000_000;

const config = () =>
  strictConfig({
    kind: wordOf(QUOTA_KINDS).describe('What is counted: requests, calls at the same time, tokens, cost, or bytes.'),
    limit: z.number().positive().max(MAX_LIMIT).describe('Units of the kind; only a cost may have a fraction.'),
    window_seconds: windowSeconds().optional(),
    per: accountsPer().describe('Whose use is added up: one account per combination of values.').default(['tenant']),
    burst: z.int().min(1).max(MAX_LIMIT).describe('How far above the even rate a moment may go.').optional(),
    warn_at: z
      .array(z.number().gt(0).lt(1))
      .min(1)
      .max(10)
      .describe('Shares of the limit at which to warn, such as 0.8.')
      .optional(),
  }).superRefine((value, context) => {
    const fault = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [key], message, input: value });
    };
    if (value.kind !== 'concurrent' && value.window_seconds === undefined) {
      fault('window_seconds', `a quota of ${value.kind} needs the window that it is for`);
    }
    for (const key of ['window_seconds', 'burst'] as const) {
      if (value.kind === 'concurrent' && value[key] !== undefined) fault(key, 'calls at the same time have no window');
    }
    if (value.kind !== 'cost' && !Number.isInteger(value.limit))
      fault('limit', `${value.kind} are counted in whole numbers`);
    // Beyond that an account could not tell one millionth from the next.
    if (value.kind === 'cost' && (value.limit > MAX_UNITS || (nanosOf(String(value.limit)) ?? 1n) % 1_000n !== 0n)) {
      fault('limit', `a cost is at most ${MAX_UNITS}, with at most six decimals`);
    }
    if (value.burst !== undefined && value.burst > value.limit) fault('burst', `more than the limit (${value.limit})`);
  });
type Config = z.output<ReturnType<typeof config>>;

/** Seed 000: limits of volume, tokens, cost and concurrency per identity, workspace or environment. */
export const QUOTA: PolicyKind<Config> = {
  type: 'quota',
  description: 'At most so much use: requests, tokens, cost or bytes in a window, or calls at the same time.',
  actions: ['deny', 'escalate', 'log_only'],
  config,
  example: {
    name: 'Tokens per user and day',
    type: 'quota',
    action: 'deny',
    priority: 10,
    config: { kind: 'tokens', limit: 200000, window_seconds: 86400, per: ['user', 'environment'], warn_at: [0.8] },
    enabled: true,
  },
  compile: ({ kind, limit, window_seconds, per, burst, warn_at }) => ({
    violation: usersOf(kind),
    guard: {
      kind,
      limit,
      ...(window_seconds === undefined ? {} : { windowSeconds: window_seconds }),
      ...(burst === undefined ? {} : { burst }),
      ...(warn_at === undefined ? {} : { warnAt: warn_at }),
      per,
    },
    denial: { code: 'QUOTA_EXCEEDED', message: messageOf(kind, limit, window_seconds) },
  }),
};

/** What uses a quota of a kind at all: the handshake of a session costs no tokens. */
function usersOf(kind: QuotaKind): Json {
  switch (kind) {
    case 'requests':
    case 'concurrent':
    case 'cost':
    case 'bytes':
      return 'always';
    case 'tokens':
      return any([
        leaf('kind', 'equals', 'inference'),
        ...['request.estimated_tokens', 'request.max_tokens'].map(present),
      ]);
    default:
      return assertNever(kind);
  }
}

function messageOf(kind: QuotaKind, limit: number, window: number | undefined): string {
  return window === undefined
    ? `more than ${limit} calls at the same time`
    : `more than ${limit} ${kind === 'cost' ? 'of cost' : kind} in ${window} seconds`;
}
