import { expect, test } from '@jest/globals';
import { abortedWith } from './aborted-with.js';

test('a signal ends with the other one, before or after, and on its own', () => {
  const other = new AbortController();
  const own = abortedWith(other.signal);
  const alone = abortedWith(other.signal);
  alone.abort('stopped');
  expect([other.signal.aborted, own.signal.aborted, alone.signal.reason]).toEqual([false, false, 'stopped']);
  other.abort('left');
  expect([own.signal.reason, alone.signal.reason]).toEqual(['left', 'stopped']);
  expect(abortedWith(other.signal).signal.reason).toBe('left');
});
