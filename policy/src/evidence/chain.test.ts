import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ChainFindingCode, type ChainReport, createChainVerifier } from './chain.js';
import type { Checkpoint } from './checkpoint.js';
import { readRecord } from './record.js';
import { sampleChain } from './testing/sample-chain.js';
import { readTombstone, type Tombstone, tombstoneLine } from './tombstone.js';

const WRITER = 'portcullis.test/pdp/pdp-1/aa';

function verify(lines: readonly string[], checkpoints: readonly Checkpoint[] = []): ChainReport {
  const verifier = createChainVerifier({ checkpoints });
  for (const [index, line] of lines.entries()) verifier.line(line, { line: index + 1 });
  return verifier.finish();
}

function checkpointOf(lines: readonly string[], size = lines.length): Checkpoint {
  const reading = readRecord(lines[size - 1] ?? '');
  if (!reading.ok) throw new Error(reading.message);
  return { origin: WRITER, size, head: reading.hash };
}

const codes = (report: ChainReport): readonly ChainFindingCode[] => report.findings.map(({ code }) => code);
const ids = (count: number, name = 'd'): string[] => Array.from({ length: count }, (_, index) => `${name}${index + 1}`);
const FIVE = sampleChain(ids(5));
const without = (index: number): string[] => FIVE.filter((_, at) => at !== index);

describe('a chain', () => {
  test('of nothing is whole', () => {
    expect(verify([])).toMatchObject({ ok: true, records: 0, last: undefined, provenTo: 0 });
  });

  test('as it was written is whole, and proven as far as it is signed', () => {
    const report = verify(FIVE, [checkpointOf(FIVE, 2), checkpointOf(FIVE, 4)]);
    expect(report).toMatchObject({ ok: true, records: 5, first: 1, writer: WRITER, last: { seq: 5 }, provenTo: 4 });
  });

  test('may start later where a checkpoint covers exactly what is before', () => {
    expect(verify(FIVE.slice(2), [checkpointOf(FIVE, 2)])).toMatchObject({ ok: true, first: 3 });
    expect(codes(verify(FIVE.slice(2), [checkpointOf(FIVE, 3)]))).toEqual(['START_MISSING']);
  });

  test.each<readonly [string, readonly string[], readonly ChainFindingCode[]]>([
    ['an edit', FIVE.with(2, (FIVE[2] ?? '').replace('acme', 'acne')), ['RECORD_ALTERED', 'RECORDS_MISSING']],
    ['an edit with a new hash', FIVE.with(2, sampleChain(['d1', 'd2', 'x'])[2] ?? ''), ['CHAIN_BROKEN']],
    ['a deletion', without(2), ['RECORDS_MISSING']],
    ['a deletion at the start', without(0), ['START_MISSING']],
    [
      'a reorder',
      [FIVE[0], FIVE[2], FIVE[1], FIVE[3], FIVE[4]].map(String),
      ['RECORDS_MISSING', 'RECORD_OUT_OF_PLACE', 'RECORDS_MISSING'],
    ],
    ['a repetition', [...FIVE, FIVE[4] ?? ''], ['RECORD_OUT_OF_PLACE']],
    ['a fork beside it', [...FIVE, sampleChain([...ids(4), 'x'])[4] ?? ''], ['CHAIN_FORKED']],
    [
      'another writer',
      [...FIVE.slice(0, 4), sampleChain(ids(5), 'other')[4] ?? ''],
      ['WRITER_CHANGED', 'CHAIN_BROKEN'],
    ],
    ['rubbish', FIVE.toSpliced(2, 0, '{}'), ['RECORD_UNREADABLE']],
  ])('with %s is not', (_name, lines, expected) => {
    const report = verify(lines);
    expect(report.ok).toBe(false);
    expect(codes(report)).toEqual(expected);
  });

  test('with a torn end is not', () => {
    const verifier = createChainVerifier();
    verifier.torn({ file: 'f', line: 1 });
    expect(verifier.finish().findings).toEqual([
      { code: 'RECORD_TORN', message: 'the last line is cut off', file: 'f', line: 1 },
    ]);
  });

  test('does not remember findings without end', () => {
    const verifier = createChainVerifier({ maxFindings: 2 });
    for (let count = 0; count < 5; count += 1) verifier.line('');
    expect(verifier.finish()).toMatchObject({ ok: false, findings: [{}, {}] });
  });
});

describe('against its last checkpoint', () => {
  const length = fc.integer({ min: 2, max: 12 });
  const at = (of: number, share: number): number => Math.min(of - 1, Math.floor(share * of));
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const proven = (lines: readonly string[], original: readonly string[]): void => {
    expect(verify(original, [checkpointOf(original)])).toMatchObject({ ok: true, provenTo: original.length });
    expect(verify(lines, [checkpointOf(original)]).ok).toBe(false);
  };

  test('any edit of any character is found', () => {
    fc.assert(
      fc.property(length, share, share, fc.string({ minLength: 1, maxLength: 1 }), (count, where, column, letter) => {
        const chain = sampleChain(ids(count));
        const index = at(count, where);
        const line = chain[index] ?? '';
        const position = at(line.length, column);
        fc.pre(line[position] !== letter);
        proven(chain.with(index, line.slice(0, position) + letter + line.slice(position + 1)), chain);
      }),
    );
  });

  test('any deletion is found', () => {
    fc.assert(
      fc.property(length, share, fc.integer({ min: 1, max: 12 }), (count, where, removed) => {
        const chain = sampleChain(ids(count));
        proven(chain.toSpliced(at(count, where), removed), chain);
      }),
    );
  });

  test('any reorder is found', () => {
    fc.assert(
      fc.property(length, share, share, (count, one, other) => {
        const [a, b] = [at(count, one), at(count, other)];
        fc.pre(a !== b);
        const chain = sampleChain(ids(count));
        proven(chain.with(a, chain[b] ?? '').with(b, chain[a] ?? ''), chain);
      }),
    );
  });

  test('any truncation is found', () => {
    fc.assert(
      fc.property(length, share, (count, where) => {
        const chain = sampleChain(ids(count));
        proven(chain.slice(0, at(count, where)), chain);
      }),
    );
  });

  test('any insertion of a record of the chain is found', () => {
    fc.assert(
      fc.property(length, share, share, (count, from, to) => {
        const chain = sampleChain(ids(count));
        proven(chain.toSpliced(at(count, to), 0, chain[at(count, from)] ?? ''), chain);
      }),
    );
  });

  test('any fork, sound in itself, is found', () => {
    fc.assert(
      fc.property(length, share, fc.integer({ min: 1, max: 12 }), (count, where, own) => {
        const kept = at(count, where);
        const fork = sampleChain([...ids(kept), ...ids(own, 'fork')]);
        expect(verify(fork).ok).toBe(true);
        proven(fork, sampleChain(ids(count)));
      }),
    );
  });

  test('the finding says which', () => {
    expect(codes(verify(FIVE.slice(0, 3), [checkpointOf(FIVE)]))).toEqual(['CHAIN_TRUNCATED']);
    expect(codes(verify(sampleChain(ids(5, 'x')), [checkpointOf(FIVE)]))).toEqual(['CHECKPOINT_MISMATCH']);
    expect(codes(verify(FIVE, [{ ...checkpointOf(FIVE), origin: 'other' }]))).toEqual(['CHECKPOINT_FOREIGN']);
  });
});

describe('a chain with erased records', () => {
  const LAST = checkpointOf(FIVE, 5);
  const tombstoneOf = (line: string, changes: Partial<Tombstone> = {}): string => {
    const reading = readRecord(line);
    if (!reading.ok) throw new Error(reading.message);
    const { writer, seq, prev } = reading.link;
    return tombstoneLine({
      writer,
      seq,
      prev,
      of: reading.hash,
      reason: 'erasure',
      at: '2026-11-22T12:00:00Z',
      ...changes,
    });
  };
  const erased = (...indexes: readonly number[]): string[] =>
    FIVE.map((line, index) => (indexes.includes(index) ? tombstoneOf(line) : line));
  const accepting = (lines: readonly string[], checkpoints: readonly Checkpoint[] = []): ChainReport => {
    const verifier = createChainVerifier({ checkpoints, tombstones: 'accept' });
    for (const line of lines) verifier.line(line);
    return verifier.finish();
  };

  test('proves the others, and says how many are gone', () => {
    expect(accepting(erased(0, 2, 3), [LAST])).toMatchObject({
      ...{ ok: true, records: 2, erased: 3, first: 1, last: { seq: 5 }, provenTo: 5 },
    });
  });

  test('may be erased as a whole where a checkpoint vouches for its end', () => {
    expect(accepting(erased(0, 1, 2, 3, 4), [LAST])).toMatchObject({ ok: true, records: 0, erased: 5, provenTo: 5 });
  });

  test('is refused by those who do not ask for it', () => {
    const report = verify(erased(2), [LAST]);
    expect([codes(report), report.erased, report.provenTo]).toEqual([['TOMBSTONE_REFUSED'], 1, 0]);
  });

  test.each<readonly [string, readonly string[], readonly Checkpoint[], readonly ChainFindingCode[]]>([
    ['an end that nothing vouches for', erased(3, 4), [], ['TOMBSTONE_UNANCHORED']],
    ['an end after the last checkpoint', erased(3, 4), [checkpointOf(FIVE, 4)], ['TOMBSTONE_UNANCHORED']],
    [
      'records that never were',
      [...FIVE, tombstoneOf(FIVE[4] ?? '', { seq: 6 })],
      [LAST],
      ['CHAIN_BROKEN', 'TOMBSTONE_UNANCHORED'],
    ],
    ['a wrong hash', FIVE.with(2, tombstoneOf(FIVE[2] ?? '', { of: 'ab'.repeat(32) })), [], ['CHAIN_BROKEN']],
    ['a wrong link', FIVE.with(2, tombstoneOf(FIVE[2] ?? '', { prev: 'ab'.repeat(32) })), [], ['CHAIN_BROKEN']],
    [
      'a wrong number',
      FIVE.with(2, tombstoneOf(FIVE[2] ?? '', { seq: 4 })),
      [],
      ['RECORDS_MISSING', 'RECORD_OUT_OF_PLACE'],
    ],
    ['another writer', FIVE.with(2, tombstoneOf(FIVE[2] ?? '', { writer: 'x' })), [], ['WRITER_CHANGED']],
    [
      'a hash that a checkpoint does not name',
      erased(4).with(4, tombstoneOf(FIVE[4] ?? '', { of: 'ab'.repeat(32) })),
      [LAST],
      ['CHECKPOINT_MISMATCH', 'TOMBSTONE_UNANCHORED'],
    ],
    ['one tombstone for two', erased(1, 2).toSpliced(2, 1), [], ['RECORDS_MISSING']],
  ])('is not whole with %s', (_name, lines, checkpoints, expected) => {
    const report = accepting(lines, checkpoints);
    expect([codes(report), report.ok]).toEqual([expected, false]);
  });

  const whole = tombstoneOf(FIVE[2] ?? '');
  test.each([
    ['another kind', whole.replace('tombstone', 'decision')],
    ['one member more', whole.replace('{', '{"a":1,')],
    ['one member less', whole.replace('"reason":"erasure",', '')],
    ['a reason of its own', whole.replace('"erasure"', '"tidiness"')],
    ['spaces', whole.replace(':', ': ')],
    ['a member twice', whole.replace('"seq":3', '"seq":3,"seq":3')],
    ['a time that is none', whole.replace('2026-11-22T12:00:00Z', 'yesterday')],
    ['a number that is none', whole.replace('"seq":3', '"seq":0')],
  ])('knows no tombstone with %s', (_name, line) => {
    expect(readTombstone(line)).toBeUndefined();
    expect(codes(accepting(FIVE.with(2, line)))).toEqual(['RECORD_UNREADABLE', 'RECORDS_MISSING']);
  });

  test('reads back what it wrote, and takes no record for one', () => {
    expect(readTombstone(whole)).toMatchObject({ kind: 'tombstone', seq: 3, reason: 'erasure' });
    expect(readTombstone(FIVE[2] ?? '')).toBeUndefined();
    expect(readRecord(whole)).toMatchObject({ ok: false, why: 'unreadable' });
  });
});
