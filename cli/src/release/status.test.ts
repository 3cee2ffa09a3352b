import { expect, test } from '@jest/globals';
import { stateOf } from './status.js';

const active = { release_seq: 3, digest: 'd' };

test.each([
  [{ state: 'staged', active }, 'staged'],
  [{ state: 'refused', active, reason: 'compile: it is too large' }, 'refused'],
  // The runbook has people look for the state `refused`, not for the seconds in which it was said first.
  [{ state: 'heartbeat', active, reason: 'compile: it is too large' }, 'refused'],
  [{ state: 'heartbeat', active }, 'loaded'],
  [{ state: 'heartbeat', active: { release_seq: 0, digest: '' } }, 'none'],
  [{ state: 'heartbeat', active: null }, 'none'],
] as const)('%j stands as %s', (node, word) => {
  expect(stateOf(node)).toBe(word);
});
