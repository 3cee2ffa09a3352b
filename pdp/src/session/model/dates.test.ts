import { describe, expect, test } from '@jest/globals';
import { spokenDays } from './dates.js';

describe('spokenDays', () => {
  test.each([
    ['2025-01-11', 'january 11th'],
    ['2025-01-11', '11 jan'],
    ['2025-05-01', '1st of may'],
    ['2025-12-22', '22nd december'],
    ['2025-08-03', 'aug 3rd'],
    ['2025-10-13T00:00:00Z', 'october 13th'],
  ])('%s is said as %s', (day, said) => {
    expect(spokenDays(day).map((words) => words.join(' '))).toContain(said);
  });
  test.each(['2025-13-01', '2025-00-10', '2025-01-32', '2025-01-11 09:30', 'on 2025-01-11', '11', ''])(
    '%s is no day alone',
    (text) => {
      expect(spokenDays(text)).toEqual([]);
    },
  );
});
