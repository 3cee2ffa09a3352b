import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DecisionRecord } from '../pipeline/ports.js';
import { createDecisionLog, type LogFile, openDecisionLog } from './decision-log.js';

function record(id: string): DecisionRecord {
  return {
    decision_id: id,
    request_digest: '00'.repeat(32),
    effect: 'allow',
    deny: [],
    tenant: 'acme',
    agent: 'analyst',
    tool: {},
    bundle_digest: '',
    release_seq: 1,
    at: '2026-11-21T12:00:00.000Z',
  };
}

/** A file whose writes the test lets through one by one. */
function heldFile(): LogFile & { readonly calls: string[]; finish(error?: Error): Promise<void> } {
  const calls: string[] = [];
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const hold = (call: string): Promise<void> => {
    calls.push(call);
    const gate = Promise.withResolvers<void>();
    waiting.push(gate);
    return gate.promise;
  };
  return {
    calls,
    appendFile: hold,
    datasync: () => hold('datasync'),
    close: async () => void calls.push('close'),
    finish: async (error) => {
      while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const gate = waiting.shift();
      if (error === undefined) gate?.resolve();
      else gate?.reject(error);
    },
  };
}

const idsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as DecisionRecord).decision_id);

describe('group commit', () => {
  test('records of one turn go out in one write, and wait for it; those of the meantime in the next', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: false });
    const settled: string[] = [];
    const append = async (id: string): Promise<void> => {
      await log.append(record(id));
      settled.push(id);
    };
    const first = [append('a'), append('b')];
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(file.calls.map(idsOf)).toEqual([['a', 'b']]);
    const second = append('c');
    expect(settled).toEqual([]);
    await file.finish();
    await Promise.all(first);
    expect(settled).toEqual(['a', 'b']);
    await file.finish();
    await second;
    expect(file.calls.map(idsOf)).toEqual([['a', 'b'], ['c']]);
  });

  test('with fsync, the answer waits for the disk', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: true });
    let isKept = false;
    const kept = log.append(record('a')).then(() => {
      isKept = true;
    });
    await file.finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect([file.calls[1], isKept]).toEqual(['datasync', false]);
    await file.finish();
    await kept;
  });
});

describe('a write that fails', () => {
  test('rejects every record that it carried, and the next write starts on a line of its own', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: false });
    const lost = [log.append(record('a')), log.append(record('b'))];
    await file.finish(new Error('ENOSPC'));
    for (const one of lost) await expect(one).rejects.toMatchObject({ code: 'ERR_AUDIT_APPEND', kind: 'unavailable' });
    const kept = log.append(record('c'));
    await file.finish();
    await kept;
    expect(file.calls[1]?.startsWith('\n{')).toBe(true);
    const after = log.append(record('d'));
    await file.finish();
    await after;
    expect(file.calls[2]?.startsWith('{')).toBe(true);
  });

  test('a hanging disk cannot fill the memory', async () => {
    const log = createDecisionLog(heldFile(), { fsync: false, maxPending: 2 });
    void log.append(record('a'));
    void log.append(record('b'));
    await expect(log.append(record('c'))).rejects.toMatchObject({ code: 'ERR_AUDIT_APPEND' });
  });
});

describe('the file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-log-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('gets one line per record, also after a crash in the middle of one', async () => {
    const path = join(folder, 'new', 'decisions.jsonl');
    const log = await openDecisionLog(path, { fsync: true });
    await Promise.all(['a', 'b', 'c'].map((id) => log.append(record(id))));
    await log.close();
    await appendFile(path, '{"decision_id":"to');
    const again = await openDecisionLog(path, { fsync: true });
    await again.append(record('d'));
    await again.close();
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines.map((line) => line.slice(0, 18))).toEqual([
      '{"decision_id":"a"',
      '{"decision_id":"b"',
      '{"decision_id":"c"',
      '{"decision_id":"to',
      '{"decision_id":"d"',
      '',
    ]);
  });

  test('that cannot be opened is a fault', async () => {
    await expect(openDecisionLog(folder, { fsync: false })).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('takes nothing after it was closed', async () => {
    const log = await openDecisionLog(join(folder, 'decisions.jsonl'), { fsync: false });
    await log.close();
    await expect(log.append(record('a'))).rejects.toMatchObject({ code: 'ERR_AUDIT_APPEND' });
  });
});
