import { expect, test } from '@jest/globals';
import { createMailbox } from './mailbox.js';

async function drain<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

test('keeps the newest when full and ends after what waits', async () => {
  const box = createMailbox<number>(2, new AbortController().signal);
  for (const n of [1, 2, 3]) box.push(n);
  box.end();
  box.push(4);
  expect(await drain(box.items())).toEqual([2, 3]);
});

test('wakes a waiting consumer', async () => {
  const box = createMailbox<number>(2, new AbortController().signal);
  const iterator = box.items()[Symbol.asyncIterator]();
  const waiting = iterator.next();
  box.push(1);
  expect(await waiting).toEqual({ done: false, value: 1 });
});

test('an abort ends it at once, whatever waits', async () => {
  const stop = new AbortController();
  const box = createMailbox<number>(2, stop.signal);
  box.push(1);
  stop.abort();
  expect(await drain(box.items())).toEqual([]);
});

test.each([
  ['end', async (box: ReturnType<typeof createMailbox<number>>) => box.end()],
  [
    'leaving the loop',
    async (box: ReturnType<typeof createMailbox<number>>) => {
      box.push(1);
      for await (const _item of box.items()) break;
    },
  ],
])('tells its end once: %s', async (_name, finish) => {
  const ends: string[] = [];
  const box = createMailbox<number>(2, new AbortController().signal);
  box.onEnd(() => ends.push('end'));
  await finish(box);
  box.end();
  expect(ends).toEqual(['end']);
});

test('tells an end that was before', () => {
  const ends: string[] = [];
  createMailbox<number>(1, AbortSignal.abort()).onEnd(() => ends.push('end'));
  expect(ends).toEqual(['end']);
});
