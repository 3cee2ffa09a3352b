import { setTimeout as sleep } from 'node:timers/promises';
import type { DistributorEvidence, StoredLine } from './distributor-evidence.js';
import type { TailOptions } from './tail-records.js';

/** Most records that are looked at in one round. */
const PAGE = 200;
/** Records that were printed and might be met again. */
const REMEMBERED = 5_000;

/**
 * The newest records that fit, then those that come. What a PDP hands over so late that 200 newer ones are stored already is
 * left out; an export is complete.
 */
export async function* tailDistributor(
  evidence: Pick<DistributorEvidence, 'records'>,
  filter: Readonly<Record<string, string>>,
  { lines, follow, pollMs, signal }: TailOptions,
): AsyncGenerator<StoredLine> {
  const seen = new Set<string>();
  const fresh = async (): Promise<readonly StoredLine[]> => {
    const page = await evidence.records({ ...filter, limit: String(PAGE) });
    const unseen = page.records.filter((one) => !seen.has(`${one.seq} ${one.writer}`)).toReversed();
    for (const { seq, writer } of unseen) seen.add(`${seq} ${writer}`);
    for (const key of seen) {
      if (seen.size <= REMEMBERED) break;
      seen.delete(key);
    }
    return unseen;
  };
  const first = await fresh();
  yield* first.slice(Math.max(0, first.length - lines));
  while (follow) {
    try {
      await sleep(pollMs, undefined, { signal });
    } catch {
      return;
    }
    yield* await fresh();
  }
}
