import { describe, expect, test } from '@jest/globals';
import { pdpConfig } from './config.js';

describe('the configuration', () => {
  test('needs only endpoints; the rest is that of the fault matrix', () => {
    expect(pdpConfig.parse({ endpoints: ['pdp-1:7000', '[::1]:7001'] })).toMatchObject({
      deadlineMs: 50,
      hedgeAfterMs: 20,
      keepaliveMs: 1000,
      keepaliveTimeoutMs: 500,
      reconnectMinMs: 100,
      reconnectMaxMs: 1000,
      breaker: { volumeThreshold: 20, errorThresholdPercentage: 50, resetTimeoutMs: 1000 },
    });
  });

  test.each([
    ['no endpoints', { endpoints: [] }, 'endpoints'],
    ['an endpoint without a port', { endpoints: ['pdp'] }, 'endpoints.0'],
    ['an endpoint with a scheme', { endpoints: ['https://pdp:1'] }, 'endpoints.0'],
    ['a port that is none', { endpoints: ['pdp:70000'] }, 'endpoints.0'],
    ['an endpoint twice', { endpoints: ['pdp:1', 'pdp:1'] }, 'endpoints'],
    ['an unknown key', { endpoints: ['pdp:1'], breaker: { fallback: 'allow' } }, 'breaker'],
    ['a hedge after the deadline', { endpoints: ['pdp:1'], hedgeAfterMs: 50 }, 'hedgeAfterMs'],
    [
      'a reset before the deadline',
      { endpoints: ['pdp:1'], deadlineMs: 1000, hedgeAfterMs: 5 },
      'breaker.resetTimeoutMs',
    ],
    ['a back-off that shrinks', { endpoints: ['pdp:1'], reconnectMinMs: 2000 }, 'reconnectMaxMs'],
    ['a fraction', { endpoints: ['pdp:1'], deadlineMs: 50.5 }, 'deadlineMs'],
  ])('refuses %s', (_name, input, path) => {
    const parsed = pdpConfig.safeParse(input);
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});
