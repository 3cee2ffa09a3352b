import { z } from 'zod';
import { QUOTA_DIMENSIONS } from '../model/decision.js';
import type { PolicyKind } from './kind.js';

/** A year; a longer window is a mistake. */
export const MAX_WINDOW_SECONDS = 366 * 24 * 3600;

const config = () =>
  z.strictObject({
    max_requests: z.int().min(1).max(1_000_000_000).describe('Requests that one window admits.'),
    window_seconds: z.int().min(1).max(MAX_WINDOW_SECONDS).describe('Length of the window, in seconds.'),
    per: z
      .array(z.enum(QUOTA_DIMENSIONS))
      .min(1)
      .max(QUOTA_DIMENSIONS.length)
      .describe('Whose requests are added up; the tenant when absent.')
      .optional(),
    burst: z.int().min(1).max(1_000_000_000).describe('Requests that may come at once.').optional(),
  });

/** Seed 003: at most so many operations in a window of time. */
export const RATE_LIMIT: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'rate_limit',
  description: 'At most so many requests in a window of time.',
  actions: ['deny', 'escalate', 'log_only'],
  config,
  example: {
    name: 'Default Rate Limit',
    type: 'rate_limit',
    action: 'deny',
    priority: 10,
    config: { max_requests: 600, window_seconds: 60 },
    enabled: true,
  },
  compile: ({ max_requests, window_seconds, per, burst }) => ({
    violation: 'always',
    guard: {
      kind: 'requests',
      limit: max_requests,
      windowSeconds: window_seconds,
      per: per ?? ['tenant'],
      ...(burst === undefined ? {} : { burst }),
    },
    denial: {
      code: 'RATE_LIMITED',
      message: `more than ${max_requests} requests in ${window_seconds} seconds`,
    },
  }),
};
