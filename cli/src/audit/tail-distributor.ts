import { setTimeout as sleep } from 'node:timers/promises';
import type { DistributorEvidence, StoredLine } from './distributor-evidence.js';
import type { TailOptions } from './tail-records.js';

/** Records of one answer; all that are looked at in a round that follows. */
const PAGE = 200;
/** Records that are looked through for the ones to begin with: a filter may leave few of them. */
export const LOOKED_THROUGH = 10_000;
/** Records that were printed and might be met again. */
const REMEMBERED = 5_000;

/**
 * The newest records that fit, then those that come. What a PDP hands over so late that 200 newer ones are stored already is
 * left out; an export is complete.
 * @param query what the distributor filters by
 * @param fits what it cannot filter by
 */
export async function* tailDistributor(
  evidence: Pick<DistributorEvidence, 'records'>,
  query: Readonly<Record<string, string>>,
  { lines, follow, pollMs, signal }: TailOptions,
  fits: (line: string) => boolean = () => true,
): AsyncGenerator<StoredLine> {
  const seen = new Set<string>();
  const fresh = (records: readonly StoredLine[]): readonly StoredLine[] => {
    const unseen = records.filter((one) => !seen.has(`${one.seq} ${one.writer}`)).toReversed();
    for (const { seq, writer } of unseen) seen.add(`${seq} ${writer}`);
    for (const key of seen) {
      if (seen.size <= REMEMBERED) break;
      seen.delete(key);
    }
    return unseen.filter(({ line }) => fits(line));
  };
  const wish = { ...query, limit: String(PAGE) };
  const newest = await evidence.records(wish);
  const first = [...fresh(newest.records)];
  let { next } = newest;
  for (let looked = PAGE; next !== null && first.length < lines && looked < LOOKED_THROUGH; looked += PAGE) {
    const older = await evidence.records({ ...wish, after: next });
    first.unshift(...older.records.filter(({ line }) => fits(line)).toReversed());
    next = older.next;
  }
  yield* first.slice(Math.max(0, first.length - lines));
  while (follow) {
    try {
      await sleep(pollMs, undefined, { signal });
    } catch {
      return;
    }
    yield* fresh((await evidence.records(wish)).records);
  }
}
