import { describe, expect, test } from '@jest/globals';
import type { QuotaGuard } from '@portcullis/policy/model';
import { readingsOf } from './quota-readings.js';
import type { WrittenReading } from './suite-schema.js';

const GUARD: QuotaGuard = {
  id: 'platform/base/q',
  layer: 'platform',
  policy: 'q',
  kind: 'requests',
  limit: 10,
  account: [],
  estimate: 1,
  outcome: 'deny',
  deny: { code: 'QUOTA_EXCEEDED', message: 'm', path: 'platform/q' },
};

describe('readings of quotas', () => {
  test.each<[string, WrittenReading | undefined, number | null, unknown]>([
    ['nothing is said', undefined, 1, { state: 'granted' }],
    ['the last unit is left', 9, 1, { state: 'granted' }],
    ['nothing is left', 10, 1, { state: 'exceeded', used: 10 }],
    ['too little is left', 6, 5, { state: 'exceeded', used: 6 }],
    ['just enough is left', 5, 5, { state: 'granted' }],
    ['nobody knows the use, and something is left', 9, null, { state: 'granted' }],
    ['nobody knows the use, and nothing is left', 10, null, { state: 'exceeded', used: 10 }],
    ['more is asked than there ever is', undefined, 11, { state: 'exceeded', used: 0 }],
    [
      'it says when it frees',
      { used: 10, frees_at: '2026-01-01T00:00:00Z' },
      1,
      { state: 'exceeded', used: 10, frees_at: '2026-01-01T00:00:00Z' },
    ],
    ['nobody can tell', 'unknown', 1, { state: 'unknown' }],
  ])('%s', (_name, written, estimate, expected) => {
    const readings = written === undefined ? {} : { q: written };
    expect(readingsOf([{ ...GUARD, estimate }], readings).get(GUARD.id)).toEqual(expected);
  });

  test('the layer tells two policies of one slug apart', () => {
    const tenant: QuotaGuard = { ...GUARD, id: 'tenant/base/q', layer: 'tenant' };
    const readings = readingsOf([GUARD, tenant], { q: 'unknown', 'tenant/q': 3 });
    expect([...readings.values()]).toEqual([{ state: 'unknown' }, { state: 'granted' }]);
  });
});
