import { describe, expect, test } from '@jest/globals';
import type { Json } from '../model/request.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';
import { TOKEN_BUDGET } from './token-budget.js';

const findingsOf = createFindings();

const SEED = TOKEN_BUDGET.example['config'] ?? null;

describe('token_budget for a request', () => {
  test.each<{ name: string; request?: Json; finding: Finding }>([
    { name: 'an estimate at the cap', request: { estimated_tokens: 10000 }, finding: 'complies' },
    { name: 'an estimate above it', request: { estimated_tokens: 10001 }, finding: 'violates' },
    { name: 'a permission at the cap', request: { max_tokens: 10000 }, finding: 'complies' },
    { name: 'a permission above it', request: { estimated_tokens: 1, max_tokens: 10001 }, finding: 'violates' },
    { name: 'both below', request: { estimated_tokens: 1, max_tokens: 2 }, finding: 'complies' },
    { name: 'neither', request: { model: 'm' }, finding: 'violates' },
    { name: 'no request', finding: 'violates' },
    { name: 'an estimate that is no number', request: { estimated_tokens: '5' }, finding: 'errs' },
    {
      name: 'too much beside one that is no number',
      request: { estimated_tokens: '5', max_tokens: 99999 },
      finding: 'violates',
    },
  ])('$name: $finding', ({ request, finding }) => {
    const asked = requestOf('inference', request === undefined ? {} : { request });
    expect(findingsOf(policyOf('token_budget', SEED), asked)).toEqual(everyAction('token_budget', finding));
  });

  test('a tool call uses no tokens', () => {
    expect(engineOf(TOKEN_BUDGET.example).evaluate(requestOf('tool_call')).effect).toBe('allow');
  });
});

describe('token_budget for a window', () => {
  const policy = policyOf('token_budget', { max_tokens: 200000, window_seconds: 86400, per: ['user', 'model'] });

  test('is a quota and decides nothing by itself', () => {
    const request = { model: 'm', estimated_tokens: 700 };
    const verdict = engineOf(policy).evaluate(requestOf('inference', { user: { id: 'u-1' }, request }));
    expect(verdict.effect).toBe('allow');
    expect(verdict.guards).toMatchObject([
      {
        id: 'tenant/typed/token-budget',
        kind: 'tokens',
        limit: 200000,
        window_seconds: 86400,
        account: [
          ['user', 'acme/u-1'],
          ['model', 'm'],
        ],
        estimate: 700,
        outcome: 'deny',
        deny: { code: 'QUOTA_EXCEEDED', reason_code: 'TOKEN_BUDGET_EXCEEDED' },
      },
    ]);
  });

  test('and speaks of no tool call', () => {
    expect(engineOf(policy).evaluate(requestOf('tool_call')).guards).toEqual([]);
  });
});

test.each<{ config: Json; says: string }>([
  { config: {}, says: 'give max_tokens_per_request, or max_tokens and window_seconds' },
  { config: { max_tokens_per_request: 1, max_tokens: 2, window_seconds: 3 }, says: 'both are two policies' },
  { config: { max_tokens: 2 }, says: 'config.window_seconds' },
  { config: { max_tokens_per_request: 2, per: ['user'] }, says: 'config.per: this belongs to a budget' },
  { config: { max_tokens_per_request: 0 }, says: 'config.max_tokens_per_request' },
  { config: { max_tokens: 2, window_seconds: 3, per: ['usr'] }, says: 'config.per[0]: "usr" is not one of' },
  { config: { max_tokens: 2, window_seconds: 3, per: ['usr'] }, says: 'did you mean "user"?' },
  { config: { max_token_per_request: 1 }, says: 'did you mean "max_tokens_per_request"?' },
])('token_budget refuses: $says', ({ config, says }) => {
  expect(problemsOf(policyOf('token_budget', config)).join('\n')).toContain(says);
});

test('token_budget refuses to allow within a budget of a window', () => {
  const policy = policyOf('token_budget', { max_tokens: 2, window_seconds: 3 }, { action: 'allow' });
  expect(problemsOf(policy).join('\n')).toContain('action: a quota limits what something else allows');
});
