import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { QUOTA } from './quota.js';
import { engineOf, policyOf, problemsOf, requestOf } from './testing/decide-typed.js';

describe('quota', () => {
  test('the example is reserved, not decided', () => {
    const request = { user: { id: 'u-1' }, request: { estimated_tokens: 12 } };
    const verdict = engineOf(QUOTA.example).evaluate(requestOf('inference', request));
    expect(verdict.effect).toBe('allow');
    expect(verdict.guards).toMatchObject([
      {
        kind: 'tokens',
        limit: 200000,
        window_seconds: 86400,
        warn_at: [0.8],
        account: [
          ['user', 'acme/u-1'],
          ['environment', 'prod'],
        ],
        estimate: 12,
        outcome: 'deny',
      },
    ]);
  });

  test.each<{ config: JsonObject; counted: readonly string[]; not: readonly string[] }>([
    { config: { kind: 'requests', limit: 5, window_seconds: 1 }, counted: ['tool_call', 'session', 'egress'], not: [] },
    { config: { kind: 'concurrent', limit: 5 }, counted: ['tool_call', 'inference'], not: [] },
    { config: { kind: 'cost', limit: 0.5, window_seconds: 60 }, counted: ['tool_call', 'inference'], not: [] },
    { config: { kind: 'tokens', limit: 5, window_seconds: 1 }, counted: ['inference'], not: ['tool_call', 'session'] },
    { config: { kind: 'bytes', limit: 5, window_seconds: 1 }, counted: ['egress', 'inference', 'tool_call'], not: [] },
  ])('$config.kind is counted of $counted', ({ config, counted, not }) => {
    const engine = engineOf(policyOf('quota', config));
    const guards = (kind: string): number => engine.evaluate(requestOf(kind)).guards.length;
    expect(counted.map(guards)).toEqual(counted.map(() => 1));
    expect(not.map(guards)).toEqual(not.map(() => 0));
  });

  test.each<{ action: string; outcome: string }>([
    { action: 'deny', outcome: 'deny' },
    { action: 'escalate', outcome: 'hold' },
    { action: 'log_only', outcome: 'log_only' },
  ])('$action: used up means $outcome', ({ action, outcome }) => {
    const verdict = engineOf({ ...QUOTA.example, action }).evaluate(requestOf('inference'));
    expect(verdict.guards).toMatchObject([{ outcome }]);
  });

  test.each<{ config: Json; says: string }>([
    { config: { kind: 'request', limit: 5, window_seconds: 1 }, says: 'did you mean "requests"?' },
    { config: { kind: 'requests', limit: 5 }, says: 'config.window_seconds: a quota of requests needs the window' },
    { config: { kind: 'concurrent', limit: 5, window_seconds: 1 }, says: 'calls at the same time have no window' },
    {
      config: { kind: 'tokens', limit: 1.5, window_seconds: 1 },
      says: 'config.limit: tokens are counted in whole numbers',
    },
    {
      config: { kind: 'requests', limit: 5, window_seconds: 1, burst: 6 },
      says: 'config.burst: more than the limit (5)',
    },
    { config: { kind: 'requests', limit: 5, window_seconds: 1, warn_at: [80] }, says: 'config.warn_at[0]' },
    { config: { kind: 'requests', limit: 5, window_seconds: 1, per: ['teams'] }, says: 'did you mean "team"?' },
    { config: { kind: 'requests', limit: 5, windowseconds: 1 }, says: 'did you mean "window_seconds"?' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('quota', config)).join('\n')).toContain(says);
  });

  test('it cannot allow', () => {
    expect(problemsOf({ ...QUOTA.example, action: 'allow' }).join('\n')).toContain('a quota policy cannot allow');
  });
});
