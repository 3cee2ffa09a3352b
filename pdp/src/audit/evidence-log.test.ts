import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createChainVerifier, GENESIS } from '@portcullis/policy/evidence';
import { decisionRecord as record } from '../fixtures/audit.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { type ChainFilesParts, openChainFiles } from './chain-files.js';
import { createEvidenceLog, type EvidenceLog, type EvidenceLogOptions } from './evidence-log.js';
import type { SegmentFile, SegmentFolder } from './segments.js';

const DISK_FULL = new Error('ENOSPC');

/** A disk in memory: it takes half of a write when told to fail, and finishes syncs when told to. */
function fakeDisk(): SegmentFolder & {
  readonly files: Map<number, Buffer>;
  readonly calls: string[];
  full: boolean;
  readonly syncs: PromiseWithResolvers<void>[];
} {
  const files = new Map<number, Buffer>();
  const calls: string[] = [];
  const syncs: PromiseWithResolvers<void>[] = [];
  const disk = {
    files,
    calls,
    syncs,
    full: false,
    totalBytes: () => [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0),
    open: (first: number): SegmentFile => {
      if (!files.has(first)) files.set(first, Buffer.alloc(0));
      const bytes = (): Buffer => files.get(first) ?? Buffer.alloc(0);
      return {
        size: () => bytes().length,
        append: (more) => {
          calls.push(`write ${first}`);
          files.set(first, Buffer.concat([bytes(), disk.full ? more.subarray(0, more.length / 2) : more]));
          if (disk.full) throw DISK_FULL;
        },
        truncate: (size) => void files.set(first, bytes().subarray(0, size)),
        datasync: () => {
          calls.push(`sync ${first}`);
          const gate = Promise.withResolvers<void>();
          syncs.push(gate);
          return gate.promise;
        },
        close: async () => void calls.push(`close ${first}`),
      };
    },
  };
  return disk;
}

type Disk = ReturnType<typeof fakeDisk>;

function logOn(
  disk: Disk,
  options: Partial<EvidenceLogOptions & ChainFilesParts> = {},
): EvidenceLog & { readonly outcomes: string[] } {
  const outcomes: string[] = [];
  let ids = 0;
  const chain = openChainFiles({
    folder: disk,
    writer: 'w',
    newRecordId: () => {
      ids += 1;
      return `r${ids}`;
    },
    last: { seq: 0, hash: GENESIS },
    segment: 1,
    maxSegmentBytes: 1_000_000,
    maxTotalBytes: 1_000_000,
    clock: createFakeClock(),
    onSegment: () => undefined,
    ...options,
  });
  const log = createEvidenceLog(
    chain,
    { mode: 'required', sync: 'none', intervalMs: 1_000, ...options },
    { records: (outcome, count) => outcomes.push(`${outcome} ${count}`) },
  );
  return { ...log, outcomes };
}

const linesOf = (disk: Disk): string[] =>
  [...disk.files].sort(([a], [b]) => a - b).flatMap(([, bytes]) => bytes.toString().split('\n').slice(0, -1));
/** The decisions on the disk, which must be a whole chain. */
function recorded(disk: Disk): unknown[] {
  const verifier = createChainVerifier();
  const found = linesOf(disk).map((line) => verifier.line(line)?.['decision_id']);
  expect(verifier.finish()).toMatchObject({ ok: true });
  return found;
}
const refused = { code: 'ERR_AUDIT_APPEND', kind: 'unavailable' };

describe('the log', () => {
  test('writes what one turn appends in one write, as a chain', async () => {
    const disk = fakeDisk();
    const log = logOn(disk);
    await Promise.all(['a', 'b', 'c'].map((id) => log.append(record(id))));
    await log.append(record('d'));
    expect(recorded(disk)).toEqual(['a', 'b', 'c', 'd']);
    expect(disk.calls).toEqual(['write 1', 'write 1']);
    expect(log.outcomes).toEqual(['recorded 3', 'recorded 1']);
  });

  test('refuses what a full disk took half of, takes it back, and goes on by itself', async () => {
    const disk = fakeDisk();
    const log = logOn(disk);
    await log.append(record('a'));
    disk.full = true;
    await expect(log.append(record('b'))).rejects.toMatchObject(refused);
    await expect(log.append(record('c'))).rejects.toMatchObject({ cause: DISK_FULL });
    disk.full = false;
    await log.append(record('d'));
    expect(recorded(disk)).toEqual(['a', 'd']);
    expect(log.outcomes).toEqual(['recorded 1', 'refused 1', 'refused 1', 'recorded 1']);
  });

  test('in best effort drops and counts instead', async () => {
    const disk = fakeDisk();
    const log = logOn(disk, { mode: 'best_effort' });
    disk.full = true;
    await expect(log.append(record('a'))).resolves.toBeUndefined();
    disk.full = false;
    await log.append(record('b'));
    expect(recorded(disk)).toEqual(['b']);
    expect(log.outcomes).toEqual(['dropped 1', 'recorded 1']);
  });

  test('goes on in another segment when one is full', async () => {
    const disk = fakeDisk();
    const begun: number[] = [];
    const log = logOn(disk, { maxSegmentBytes: 1_200, onSegment: ({ seq }) => begun.push(seq) });
    for (const id of ['a', 'b', 'c', 'd', 'e']) await log.append(record(id));
    expect(recorded(disk)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([...disk.files.keys()]).toEqual([1, 3, 5]);
    expect(begun).toEqual([2, 4]);
  });

  test('refuses beyond the cap, until segments were moved away', async () => {
    const disk = fakeDisk();
    const clock = createFakeClock();
    const log = logOn(disk, { maxSegmentBytes: 700, maxTotalBytes: 1_200, clock });
    await log.append(record('a'));
    await log.append(record('b'));
    await expect(log.append(record('c'))).rejects.toMatchObject({ cause: { code: 'ERR_AUDIT_FULL' } });
    disk.files.delete(1);
    clock.advance(1_000);
    await log.append(record('d'));
    expect(linesOf(disk).map((line) => JSON.parse(line).seq)).toEqual([2, 3]);
  });

  test('refuses when somebody else writes to its segment: that would be a fork', async () => {
    const disk = fakeDisk();
    const log = logOn(disk);
    await log.append(record('a'));
    disk.files.set(1, Buffer.concat([disk.files.get(1) ?? Buffer.alloc(0), Buffer.from('x\n')]));
    await expect(log.append(record('b'))).rejects.toMatchObject({ cause: { code: 'ERR_AUDIT_CHAIN' } });
    expect(disk.calls).toEqual(['write 1']);
  });

  test('refuses when more wait than it may hold, and after it was closed', async () => {
    const disk = fakeDisk();
    const log = logOn(disk, { maxPending: 1 });
    const first = log.append(record('a'));
    await expect(log.append(record('b'))).rejects.toMatchObject(refused);
    await first;
    const closed = log.close();
    disk.syncs.shift()?.resolve();
    await closed;
    await expect(log.append(record('c'))).rejects.toMatchObject(refused);
    expect(recorded(disk)).toEqual(['a']);
  });
});

describe('with a sync per commit', () => {
  test('a record is answered for when it is on the disk, and others wait for the next', async () => {
    const disk = fakeDisk();
    const log = logOn(disk, { sync: 'commit' });
    const done: string[] = [];
    void log.append(record('a')).then(() => done.push('a'));
    await turn();
    void log.append(record('b')).then(() => done.push('b'));
    await turn();
    expect([done, disk.calls]).toEqual([[], ['write 1', 'sync 1']]);
    expect(await log.durable()).toMatchObject({ seq: 0 });
    disk.syncs.shift()?.resolve();
    await turn();
    expect([done, disk.calls]).toEqual([['a'], ['write 1', 'sync 1', 'write 1', 'sync 1']]);
    expect(await log.durable()).toMatchObject({ seq: 1 });
    disk.syncs.shift()?.resolve();
    await turn();
    expect(done).toEqual(['a', 'b']);
  });

  test('what a failed sync may have lost is taken back and refused', async () => {
    const disk = fakeDisk();
    const log = logOn(disk, { sync: 'commit' });
    const lost = log.append(record('a'));
    process.nextTick(() => disk.syncs.shift()?.reject(new Error('EIO')));
    await expect(lost).rejects.toMatchObject(refused);
    const kept = log.append(record('b'));
    await turn();
    disk.syncs.shift()?.resolve();
    await kept;
    expect(recorded(disk)).toEqual(['b']);
  });
});

test('with a sync per interval, a failed one stops acknowledgement until one succeeds', async () => {
  const disk = fakeDisk();
  const log = logOn(disk, { sync: 'interval', intervalMs: 60_000 });
  await log.append(record('a'));
  const failing = log.durable();
  disk.syncs.shift()?.reject(new Error('EIO'));
  await expect(failing).rejects.toThrow('EIO');
  await expect(log.append(record('b'))).rejects.toMatchObject(refused);
  const again = log.durable();
  disk.syncs.shift()?.resolve();
  expect(await again).toMatchObject({ seq: 1 });
  await log.append(record('c'));
  expect(recorded(disk)).toEqual(['a', 'c']);
});
