import { describe, expect, test } from '@jest/globals';
import type { ReuseReport } from '@portcullis/proto';
import { until } from './ask-bench.js';
import { createReuseQueue, MAX_UNRECORDED, MAX_UNRECORDED_MS } from './reuse-queue.js';

const reuse = (id: string): ReuseReport => ({ decision_id: id }) as ReuseReport;

function subject() {
  const state = { time: 0, fails: false, most: Number.POSITIVE_INFINITY, sent: [] as string[][], lost: 0 };
  const queue = createReuseQueue({
    flushMs: 1,
    now: () => state.time,
    send: async (batch) => {
      if (state.fails || batch.length > state.most) throw new Error('not now');
      state.sent.push(batch.map(({ decision_id: id }) => id));
    },
    lost: (count) => {
      state.lost += count;
    },
  });
  return { queue, state };
}

describe('reuses', () => {
  test('are reported together, in order, and each until it is recorded', async () => {
    const { queue, state } = subject();
    state.fails = true;
    for (const id of ['a', 'b']) queue.add(reuse(id));
    await new Promise((resolve) => setImmediate(resolve));
    state.fails = false;
    queue.add(reuse('c'));
    await until(() => state.sent.flat().length >= 3);
    expect(state.sent.flat()).toEqual(['a', 'b', 'c']);
    await queue.close();
    expect(state.lost).toBe(0);
  });

  test('travel in batches that a PDP accepts', async () => {
    const { queue, state } = subject();
    for (let n = 0; n < 600; n += 1) queue.add(reuse(String(n)));
    await until(() => state.sent.flat().length === 600);
    expect(state.sent.map((batch) => batch.length)).toEqual([256, 256, 88]);
    await queue.close();
  });

  test('that together are more than a PDP takes in one message travel in smaller batches', async () => {
    const { queue, state } = subject();
    state.most = 3;
    const ids = Array.from({ length: 20 }, (_, n) => String(n));
    for (const id of ids) queue.add(reuse(id));
    await until(() => state.sent.flat().length === ids.length);
    expect(state.sent.flat()).toEqual(ids);
    await queue.close();
    expect(state.lost).toBe(0);
  });

  test('are not given while too many are not recorded', async () => {
    const { queue, state } = subject();
    state.fails = true;
    for (let n = 0; n < MAX_UNRECORDED; n += 1) {
      expect(queue.ready).toBe(true);
      queue.add(reuse(String(n)));
    }
    expect(queue.ready).toBe(false);
    state.fails = false;
    await until(() => queue.ready);
    await queue.close();
    expect(state.sent.flat()).toHaveLength(MAX_UNRECORDED);
  });

  test('are not given while one is not recorded for too long', async () => {
    const { queue, state } = subject();
    state.fails = true;
    queue.add(reuse('a'));
    state.time = MAX_UNRECORDED_MS - 1;
    expect(queue.ready).toBe(true);
    state.time = MAX_UNRECORDED_MS;
    expect(queue.ready).toBe(false);
    state.fails = false;
    await until(() => queue.ready);
    await queue.close();
  });

  test('that no PDP takes at the end are counted, and none is given after it', async () => {
    const { queue, state } = subject();
    state.fails = true;
    for (const id of ['a', 'b']) queue.add(reuse(id));
    await queue.close();
    expect(state.lost).toBe(2);
    expect(queue.ready).toBe(false);
  });

  test('that are left are reported at the end', async () => {
    const { queue, state } = subject();
    for (let n = 0; n < 300; n += 1) queue.add(reuse(String(n)));
    await queue.close();
    expect(state.sent.flat()).toHaveLength(300);
    expect(state.lost).toBe(0);
  });
});
