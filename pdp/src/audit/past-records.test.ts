import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GENESIS, sealApproval, sealDecision } from '@portcullis/policy/evidence';
import type { PastReach } from '../approvals/past-decisions.js';
import { decisionRecord } from '../fixtures/audit.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createPastRecords } from './past-records.js';
import { segmentName } from './segments.js';

const START = Date.parse('2026-11-22T12:00:00.000Z');
const link = { record_id: 'r', writer: 'w', prev: GENESIS };
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'past-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The line of record `seq`, written so many minutes after the start. */
function line(seq: number, changes: object = {}): string {
  const at = new Date(START + seq * 60_000).toISOString();
  return `${sealDecision({ ...decisionRecord(`d-${seq}`), at, ...changes }, { ...link, seq }).line}\n`;
}

function segment(first: number, ...lines: readonly string[]): string {
  const file = join(folder, segmentName(first));
  writeFileSync(file, lines.join(''));
  return file;
}

async function look(
  options: {
    readonly since?: number;
    readonly sliceBytes?: number;
    readonly maxMs?: number;
    readonly agent?: string;
  } = {},
): Promise<{ readonly seen: readonly unknown[]; readonly reach: PastReach }> {
  const { since = START, sliceBytes = 64, maxMs = 1_000, agent = 'analyst' } = options;
  const past = createPastRecords({ folder, clock: createFakeClock(), maxMs, sliceBytes });
  const seen: unknown[] = [];
  const reach = await past.look({ tenant: 'acme', agent, since }, (record) => seen.push(record['decision_id']));
  return { seen, reach };
}

describe('a look back', () => {
  test.each([1, 64, 700, 1_000_000])(
    'sees every record once, the newest first, in slices of %d bytes',
    async (sliceBytes) => {
      segment(1, line(1), line(2, { agent: 'é'.repeat(300) }), line(3));
      segment(4, line(4), line(5));
      const { seen, reach } = await look({ sliceBytes });
      expect(seen).toEqual(['d-5', 'd-4', 'd-3', 'd-1']);
      expect(reach).toEqual({ end: 'beginning', from: '2026-11-22T12:01:00.000Z', records: 5 });
    },
  );

  test('ends at what was asked for', async () => {
    segment(1, line(1), line(2), line(3), line(4));
    const { seen, reach } = await look({ since: START + 3 * 60_000 });
    expect(seen).toEqual(['d-4', 'd-3']);
    expect(reach).toMatchObject({ end: 'reached', from: '2026-11-22T12:03:00.000Z' });
  });

  test('sees nothing of other agents, other tenants, or other kinds of records', async () => {
    const { at } = { at: new Date(START + 1).toISOString() };
    const approval = sealApproval(
      {
        kind: 'approval',
        event: 'approve',
        approval_id: 'a',
        binding: 'b',
        tenant: 'acme',
        agent: 'analyst',
        bundle_digest: 'c',
        release_seq: 1,
        at,
      },
      { ...link, seq: 4 },
    );
    const disguised = line(3, { agent: 'x', policy_version: '"agent":"analyst"' });
    segment(1, line(1, { agent: 'other' }), line(2, { tenant: 'globex' }), disguised, `${approval.line}\n`);
    expect(await look()).toMatchObject({ seen: [], reach: { end: 'beginning', records: 4 } });
  });

  test('says that earlier segments are gone', async () => {
    segment(7, line(7));
    expect(await look()).toMatchObject({ seen: ['d-7'], reach: { end: 'removed' } });
  });

  test('leaves out a last line that has no end', async () => {
    appendFileSync(segment(1, line(1)), line(2).slice(0, -1));
    expect(await look()).toMatchObject({ seen: ['d-1'], reach: { end: 'beginning' } });
  });

  test.each([
    ['no record', 'nonsense\n'],
    ['a time that is none', line(2).replace('"at":"2026', '"at":"????')],
    ['a record that is no JSON', `${line(2).slice(0, -2)}\n`],
  ])('ends at %s', async (_name, broken) => {
    segment(1, line(1), broken, line(3));
    expect(await look()).toMatchObject({ seen: ['d-3'], reach: { end: 'unreadable' } });
  });

  test('ends when it has taken as long as it may, with what is newest', async () => {
    segment(1, line(1), line(2));
    const { seen, reach } = await look({ maxMs: 0, sliceBytes: line(2).length + 1 });
    expect([seen, reach.end]).toEqual([['d-2'], 'time']);
  });

  test('of a folder without segments finds nothing', async () => {
    expect(await look()).toEqual({ seen: [], reach: { end: 'beginning', from: undefined, records: 0 } });
  });

  test('is one at a time, also after one', async () => {
    segment(1, line(1));
    const past = createPastRecords({ folder, clock: createFakeClock(), maxMs: 1_000 });
    const question = { tenant: 'acme', agent: 'analyst', since: START };
    const first = past.look(question, () => undefined);
    await expect(past.look(question, () => undefined)).rejects.toMatchObject({ code: 'ERR_APPROVAL_PREVIEW' });
    await first;
    expect((await past.look(question, () => undefined)).records).toBe(1);
    rmSync(folder, { recursive: true });
    await expect(past.look(question, () => undefined)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
