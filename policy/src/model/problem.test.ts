import { expect, test } from '@jest/globals';
import { formatProblem } from './problem.js';

test.each([
  [{ file: 'a.yaml', line: 3, column: 7, path: 'when' }, 'a.yaml:3:7 when: wrong (ERR_X)'],
  [{ file: 'a.yaml', path: '' }, 'a.yaml: wrong (ERR_X)'],
  [{ path: 'when' }, 'when: wrong (ERR_X)'],
  [{ path: '' }, 'wrong (ERR_X)'],
])('%j reads %s', (place, text) => {
  expect(formatProblem({ code: 'ERR_X', message: 'wrong', ...place })).toBe(text);
});
