import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { compareInstants, parseInstant, parseInstantRange } from './instant.js';

describe('parseInstant', () => {
  test.each([
    { text: '1970-01-01T00:00:00Z', ms: 0, ns: 0 },
    { text: '2026-01-31T09:00:00.123456789Z', ms: Date.UTC(2026, 0, 31, 9, 0, 0, 123), ns: 456_789 },
    { text: '2026-01-31T09:00:00+02:30', ms: Date.UTC(2026, 0, 31, 6, 30), ns: 0 },
    { text: '2026-01-31T23:00:00-02:00', ms: Date.UTC(2026, 1, 1, 1), ns: 0 },
    { text: '2024-02-29T00:00:00Z', ms: Date.UTC(2024, 1, 29), ns: 0 },
    { text: '1969-12-31T23:59:59.9Z', ms: -100, ns: 0 },
  ])('reads $text', ({ text, ms, ns }) => {
    expect(parseInstant(text)).toEqual({ ms, ns });
  });

  test.each([
    '',
    '2026-01-31',
    '2026-01-31T09:00Z',
    '2026-01-31T09:00:00',
    '2026-01-31 09:00:00Z',
    '2026-02-30T09:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T09:60:00Z',
    '2026-01-31T09:00:60Z',
    '2026-01-31T09:00:00.Z',
    '2026-01-31T09:00:00.1234567890Z',
    '2026-01-31T09:00:00+24:00',
    '2026-01-31t09:00:00z',
    '２026-01-31T09:00:00Z',
  ])('refuses "%s"', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  test('agrees with the platform on every time it writes', () => {
    const min = new Date('0000-01-01T00:00:00Z');
    const max = new Date('9999-12-31T23:59:59.999Z');
    fc.assert(
      fc.property(fc.date({ min, max, noInvalidDate: true }), (date) => {
        expect(parseInstant(date.toISOString())).toEqual({ ms: date.getTime(), ns: 0 });
      }),
    );
  });
});

test('a date is its whole day in UTC', () => {
  const day = parseInstantRange('2026-01-31');
  expect(day?.first).toEqual(parseInstant('2026-01-31T00:00:00Z'));
  expect(day?.last).toEqual(parseInstant('2026-01-31T23:59:59.999999999Z'));
});

test('instants compare to the nanosecond', () => {
  const [a, b] = [parseInstant('2026-01-31T09:00:00.000000001Z'), parseInstant('2026-01-31T09:00:00.000000002Z')];
  if (a === undefined || b === undefined) throw new Error('not instants');
  expect(compareInstants(a, b)).toBeLessThan(0);
  expect(compareInstants(a, a)).toBe(0);
});
