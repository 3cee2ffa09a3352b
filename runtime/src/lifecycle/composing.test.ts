import { expect, test } from '@jest/globals';
import { composing } from './composing.js';

test('what was opened is closed, last first, when composing fails; and the failure is the first one', async () => {
  const closed: string[] = [];
  const failed = composing(async (opened) => {
    opened(() => closed.push('first'));
    opened(async () => {
      await Promise.resolve();
      closed.push('second');
      throw new Error('cannot be closed');
    });
    opened(() => closed.push('third'));
    throw new Error('no port');
  });
  await expect(failed).rejects.toThrow('no port');
  expect(closed).toEqual(['third', 'second', 'first']);
});

test('nothing is closed when it succeeds', async () => {
  const closed: string[] = [];
  const made = await composing(async (opened) => {
    opened(() => closed.push('first'));
    return 'service';
  });
  expect([made, closed]).toEqual(['service', []]);
});
