import { describe, expect, test } from '@jest/globals';
import type { DistributorEvidence, StoredLine } from './distributor-evidence.js';
import { tailDistributor } from './tail-distributor.js';

const stored = (seq: number): StoredLine => ({ writer: 'w', seq, proven: true, line: `line ${seq}` });

/** A distributor with so many records, in pages of what is asked for. */
function distributorWith(records: number) {
  const asked: Readonly<Record<string, string>>[] = [];
  const all = Array.from({ length: records }, (_, index) => stored(records - index));
  const evidence: Pick<DistributorEvidence, 'records'> = {
    records: async (query) => {
      asked.push(query);
      const from = Number(query['after'] ?? 0);
      const to = from + Number(query['limit']);
      return { records: all.slice(from, to), next: to < all.length ? String(to) : null };
    },
  };
  return { evidence, asked, add: (one: StoredLine) => all.unshift(one) };
}

async function shown(
  records: number,
  lines: number,
  fits?: (line: string) => boolean,
): Promise<{ readonly seqs: readonly number[]; readonly rounds: number }> {
  const { evidence, asked } = distributorWith(records);
  const options = { lines, follow: false, pollMs: 1, signal: new AbortController().signal };
  const seqs: number[] = [];
  for await (const { seq } of tailDistributor(evidence, { tenant: 'acme' }, options, fits)) seqs.push(seq);
  expect(asked.every(({ tenant }) => tenant === 'acme')).toBe(true);
  return { seqs, rounds: asked.length };
}

describe('the newest records of a distributor', () => {
  test('are as many as are wanted, oldest first', async () => {
    expect(await shown(30, 3)).toEqual({ seqs: [28, 29, 30], rounds: 1 });
    expect(await shown(2, 10)).toEqual({ seqs: [1, 2], rounds: 1 });
    expect(await shown(30, 0)).toEqual({ seqs: [], rounds: 1 });
  });

  test('are looked for behind those that do not fit', async () => {
    const every50th = (line: string): boolean => Number(line.slice('line '.length)) % 50 === 0;
    expect(await shown(450, 3, every50th)).toEqual({ seqs: [350, 400, 450], rounds: 1 });
    expect(await shown(450, 6, every50th)).toEqual({ seqs: [200, 250, 300, 350, 400, 450], rounds: 2 });
    expect(await shown(450, 100, every50th)).toMatchObject({ rounds: 3 });
  });

  test('are more than one page', async () => {
    expect((await shown(450, 250)).seqs).toEqual(Array.from({ length: 250 }, (_, index) => 201 + index));
  });

  test('are looked for among so many, and no more', async () => {
    expect(await shown(12_000, 1, () => false)).toEqual({ seqs: [], rounds: 50 });
  });
});

test('what comes is shown once, if it fits', async () => {
  const { evidence, add } = distributorWith(7_000);
  const stop = new AbortController();
  const options = { lines: 6_500, follow: true, pollMs: 1, signal: stop.signal };
  const seqs: number[] = [];
  for await (const { seq } of tailDistributor(evidence, {}, options, (line) => line !== 'line 7001')) {
    seqs.push(seq);
    if (seq === 7_000) for (const late of [7_001, 7_002]) add(stored(late));
    if (seq === 7_002) stop.abort();
  }
  expect(seqs).toEqual([...Array.from({ length: 6_500 }, (_, index) => 501 + index), 7_002]);
});
