import { z } from 'zod';
import { absent, all, any, known } from './condition-text.js';
import { strictConfig } from './config-values.js';
import type { KindRule, PolicyKind } from './kind.js';
import { accountsPer, windowSeconds } from './quota-values.js';

const MAX_TOKENS = 1_000_000_000_000;

const config = () =>
  strictConfig({
    max_tokens_per_request: z.int().min(1).max(MAX_TOKENS).describe('Tokens that one request may use.').optional(),
    max_tokens: z.int().min(1).max(MAX_TOKENS).describe('Tokens that one window admits.').optional(),
    window_seconds: windowSeconds().optional(),
    per: accountsPer().describe('Whose tokens are added up; the tenant when absent.').optional(),
  }).superRefine((value, context) => {
    const fault = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [key], message, input: value });
    };
    const budget = value.max_tokens !== undefined;
    if (budget === (value.max_tokens_per_request !== undefined)) {
      fault(
        'max_tokens_per_request',
        'give max_tokens_per_request, or max_tokens and window_seconds; both are two policies',
      );
    } else if (budget && value.window_seconds === undefined) {
      fault('window_seconds', 'a budget of max_tokens needs the window that it is for');
    } else if (!budget && (value.window_seconds ?? value.per) !== undefined) {
      fault(value.window_seconds === undefined ? 'per' : 'window_seconds', 'this belongs to a budget of max_tokens');
    }
  });
type Config = z.output<ReturnType<typeof config>>;

/** Seed 003: caps the tokens of a request, or those of a window of time. */
export const TOKEN_BUDGET: PolicyKind<Config> = {
  type: 'token_budget',
  description: 'A model call uses at most so many tokens, or a window of time admits at most so many.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  on: ['inference'],
  config,
  example: {
    name: 'Token Budget',
    type: 'token_budget',
    action: 'deny',
    priority: 25,
    config: { max_tokens_per_request: 10000 },
    enabled: true,
  },
  compile: (written) => {
    const { max_tokens_per_request: cap } = written;
    return cap === undefined ? perWindow(written) : perRequest(cap);
  },
};

function perRequest(cap: number): KindRule {
  const fields = ['request.estimated_tokens', 'request.max_tokens'];
  return {
    // What says neither how many it needs nor how many it may use could use any number.
    violation: any([...fields.map((field) => known(field, 'greater_than', cap)), all(fields.map(absent))]),
    denial: { code: 'TOKEN_BUDGET_EXCEEDED', message: `a request may use at most ${cap} tokens` },
  };
}

function perWindow({ max_tokens: limit = 0, window_seconds, per }: Config): KindRule {
  return {
    violation: 'always',
    guard: {
      kind: 'tokens',
      limit,
      ...(window_seconds === undefined ? {} : { windowSeconds: window_seconds }),
      per: per ?? ['tenant'],
    },
    denial: { code: 'TOKEN_BUDGET_EXCEEDED', message: `more than ${limit} tokens in ${window_seconds} seconds` },
  };
}
