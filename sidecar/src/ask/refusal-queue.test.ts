import { describe, expect, test } from '@jest/globals';
import type { RefusalReport } from '@portcullis/proto';
import { until } from './ask-bench.js';
import type { RefusedAttempt } from './port.js';
import { createRefusalQueue, MAX_ATTEMPTS, MAX_TARGETS, MAX_WAITING, OTHERS } from './refusal-queue.js';

const refused = (over: Partial<RefusedAttempt> = {}): RefusedAttempt => ({
  source: 'mcp_proxy',
  code: 'REQUEST_INVALID',
  reason: undefined,
  status: 400,
  target: { server: 'files' },
  ...over,
});

function subject(foldMs = 1) {
  const state = {
    time: 0,
    fails: false,
    most: Number.POSITIVE_INFINITY,
    takes: (_report: RefusalReport) => true,
    tries: 0,
    lost: 0,
  };
  const sent: RefusalReport[][] = [];
  let id = 0;
  const queue = createRefusalQueue({
    now: () => state.time,
    newId: () => {
      id += 1;
      return `id-${id}`;
    },
    send: async (batch) => {
      state.tries += 1;
      if (state.fails || batch.length > state.most) throw new Error('not now');
      sent.push([...batch]);
      return batch.filter(state.takes).length;
    },
    lost: (count) => {
      state.lost += count;
    },
    foldMs,
    firstWaitMs: 0,
  });
  return { queue, state, sent };
}

describe('refused attempts', () => {
  test('that are alike are one report, which says how many and from when to when', async () => {
    const { queue, state, sent } = subject(60_000);
    for (state.time = 0; state.time < 5; state.time += 1) queue.add(refused());
    queue.add(refused({ target: { server: 'files', name: 'read' } }));
    queue.add(refused({ reason: 'JSONRPC -32700' }));
    queue.add(refused({ status: 413 }));
    queue.add(refused({ source: 'llm_proxy' }));
    await queue.close();
    expect(sent.flat().map(({ count }) => count)).toEqual([5, 1, 1, 1, 1]);
    expect(sent[0]?.[0]).toEqual({
      refusal_id: 'id-1',
      source: 'mcp_proxy',
      code: 'REQUEST_INVALID',
      status: 400,
      tool: { server: 'files' },
      count: 5,
      at: '1970-01-01T00:00:00.000Z',
      last_at: '1970-01-01T00:00:00.004Z',
    });
  });

  test('are told apart by what they would have reached, and say it', async () => {
    const { queue, sent } = subject(60_000);
    const to = (scheme: string) => refused({ target: { server: 'h:1', reached: { host: 'h', port: 1, scheme } } });
    for (const scheme of ['http', 'https', 'http']) queue.add(to(scheme));
    queue.add(refused());
    await queue.close();
    expect(sent.flat().map(({ target, count }) => [target, count])).toStrictEqual([
      [{ host: 'h', port: 1, scheme: 'http' }, 2],
      [{ host: 'h', port: 1, scheme: 'https' }, 1],
      [undefined, 1],
    ]);
  });

  test('are reported by themselves, soon, and each once', async () => {
    const { queue, sent, state } = subject();
    queue.add(refused());
    await until(() => sent.flat().length === 1);
    queue.add(refused());
    await until(() => sent.flat().length === 2);
    await queue.close();
    expect(sent.flat().map(({ refusal_id: id }) => id)).toEqual(['id-1', 'id-2']);
    expect(state.lost).toBe(0);
  });

  test('about ever other things are a bounded number of reports, and none is forgotten', async () => {
    const { queue, sent } = subject(60_000);
    for (let n = 0; n < 100_000; n += 1) queue.add(refused({ target: { name: `t${n}` } }));
    queue.add(refused({ target: { name: 't0' } }));
    await queue.close();
    const reports = sent.flat();
    expect(reports).toHaveLength(MAX_TARGETS + 1);
    expect(reports.at(-1)).toMatchObject({ reason: OTHERS, tool: {}, count: 100_000 - MAX_TARGETS });
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(100_001);
  });

  test('name what they were about within bounds', async () => {
    const { queue, sent } = subject();
    queue.add(refused({ target: { server: 'x'.repeat(10_000), name: '\ud800', operation: '' } }));
    await queue.close();
    expect(sent.flat()[0]?.tool).toEqual({ server: 'x'.repeat(256), name: '\ufffd', operation: '' });
  });

  test('wait for a PDP, and are then reported in order', async () => {
    const { queue, state, sent } = subject();
    state.fails = true;
    queue.add(refused());
    await until(() => state.tries >= 3);
    queue.add(refused({ status: 413 }));
    state.fails = false;
    await until(() => sent.flat().length === 2);
    expect(sent.flat().map(({ status }) => status)).toEqual([400, 413]);
    await queue.close();
    expect(state.lost).toBe(0);
  });

  test('that together are more than a PDP takes in one message are reported in smaller parts', async () => {
    const { queue, state, sent } = subject();
    state.most = 3;
    for (let n = 0; n < 20; n += 1) queue.add(refused({ target: { name: `t${n}` } }));
    await until(() => sent.flat().length === 20);
    expect(new Set(sent.flat().map(({ tool }) => tool.name)).size).toBe(20);
    await queue.close();
    expect(state.lost).toBe(0);
  });

  test('are given up after so many attempts, and counted', async () => {
    const { queue, state } = subject();
    state.fails = true;
    queue.add(refused());
    queue.add(refused());
    await until(() => state.lost === 2);
    expect(state.tries).toBe(MAX_ATTEMPTS);
    await queue.close();
    expect(state.lost).toBe(2);
  });

  test('that wait are bounded: the oldest are given up, and counted', async () => {
    const { queue, state, sent } = subject(0);
    state.fails = true;
    let added = 0;
    while (added < MAX_WAITING + 100) {
      for (const end = added + 50; added < end; added += 1) queue.add(refused({ target: { name: `t${added}` } }));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => state.lost > 0);
    const { lost } = state;
    state.fails = false;
    await queue.close();
    expect(sent.flat().length + state.lost).toBe(added);
    expect(sent.flat().length).toBeLessThanOrEqual(MAX_WAITING);
    expect(lost).toBeGreaterThanOrEqual(1);
  });

  test('that a PDP does not accept are counted, and not reported again', async () => {
    const { queue, state, sent } = subject();
    state.takes = ({ status }) => status !== 413;
    queue.add(refused());
    queue.add(refused({ status: 413 }));
    await until(() => state.lost === 1);
    await queue.close();
    expect(sent).toHaveLength(1);
  });

  test('are reported once more when the sidecar ends, and counted when nobody takes them', async () => {
    const { queue, state } = subject(60_000);
    state.fails = true;
    queue.add(refused());
    queue.add(refused());
    await queue.close();
    queue.add(refused());
    expect([state.tries, state.lost]).toEqual([1, 3]);
  });
});
