import { describe, expect, test } from '@jest/globals';
import { didYouMean, nearest } from './nearest.js';

describe('nearest', () => {
  test.each([
    { written: 'equls', candidates: ['equals', 'exists'], meant: 'equals' },
    { written: 'contians', candidates: ['contains', 'in'], meant: 'contains' },
    { written: 'EQUALS', candidates: ['equals'], meant: 'equals' },
    { written: 'user.tem', candidates: ['user', 'user.team', 'user.email'], meant: 'user.team' },
    { written: 'production', candidates: ['dev', 'staging', 'prod'], meant: 'prod' },
    { written: 'exactly_like', candidates: ['equals', 'in'], meant: undefined },
    { written: 'x', candidates: [], meant: undefined },
  ])('"$written" means $meant', ({ written, candidates, meant }) => {
    expect(nearest(written, candidates)).toBe(meant);
  });

  test('says nothing when nothing is close', () => {
    expect(didYouMean('zzzzzz', ['equals'])).toBe('');
    expect(didYouMean('equal', ['equals'])).toBe('; did you mean "equals"?');
  });
});
