import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
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

/** A file that notes what happens to it; its syncs wait for the test, its writes fail when told to. */
function heldFile(): LogFile & {
  readonly calls: string[];
  failNext(error: Error): void;
  finishSync(error?: Error): Promise<void>;
} {
  const calls: string[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  let failure: Error | undefined;
  return {
    calls,
    append(data) {
      calls.push(data);
      const thrown = failure;
      failure = undefined;
      if (thrown !== undefined) throw thrown;
    },
    datasync() {
      calls.push('datasync');
      const gate = Promise.withResolvers<void>();
      waiting.push(gate);
      return gate.promise;
    },
    close: async () => void calls.push('close'),
    failNext(error) {
      failure = error;
    },
    async finishSync(error) {
      while (waiting.length === 0) await turn();
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
  test('records of one turn go out in one write, in the same turn and not before it ends', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: false });
    const settled: string[] = [];
    const append = async (id: string): Promise<void> => {
      await log.append(record(id));
      settled.push(id);
    };
    let seenByNextTurn: string[] | undefined;
    setImmediate(() => {
      seenByNextTurn = [...settled];
    });
    const both = [append('a'), append('b')];
    expect(file.calls).toEqual([]);
    await Promise.all(both);
    await turn();
    expect(seenByNextTurn).toEqual(['a', 'b']);
    await append('c');
    expect(file.calls.map(idsOf)).toEqual([['a', 'b'], ['c']]);
  });

  test('nothing is kept before it is written', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: false });
    let writtenWhenKept: number | undefined;
    const kept = log.append(record('a')).then(() => {
      writtenWhenKept = file.calls.length;
    });
    await kept;
    expect(writtenWhenKept).toBe(1);
  });

  test('with fsync, the answer waits for the disk, and what comes meanwhile for the next sync', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: true });
    const kept: string[] = [];
    const append = async (id: string): Promise<void> => {
      await log.append(record(id));
      kept.push(id);
    };
    const first = append('a');
    await turn();
    const rest = [append('b'), append('c')];
    await turn();
    expect([file.calls.slice(1), kept]).toEqual([['datasync'], []]);
    await file.finishSync();
    await first;
    expect(kept).toEqual(['a']);
    await file.finishSync();
    await Promise.all(rest);
    expect(file.calls.map((call) => (call === 'datasync' ? call : idsOf(call)))).toEqual([
      ['a'],
      'datasync',
      ['b', 'c'],
      'datasync',
    ]);
  });

  test('closing waits for everything that was appended', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: true });
    const kept = [log.append(record('a'))];
    await turn();
    kept.push(log.append(record('b')));
    const closed = log.close();
    await file.finishSync();
    await file.finishSync();
    await Promise.all([...kept, closed]);
    expect(file.calls.filter((call) => !call.startsWith('{'))).toEqual(['datasync', 'datasync', 'close']);
  });
});

describe('a write that fails', () => {
  const refused = { code: 'ERR_AUDIT_APPEND', kind: 'unavailable' };

  test('rejects every record that it carried, and the next write starts on a line of its own', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: false });
    file.failNext(new Error('ENOSPC'));
    const lost = [log.append(record('a')), log.append(record('b'))];
    for (const one of lost) await expect(one).rejects.toMatchObject(refused);
    await log.append(record('c'));
    expect(file.calls[1]?.startsWith('\n{')).toBe(true);
    await log.append(record('d'));
    expect(file.calls[2]?.startsWith('{')).toBe(true);
  });

  test('a sync that fails rejects as well', async () => {
    const file = heldFile();
    const log = createDecisionLog(file, { fsync: true });
    const lost = log.append(record('a')).catch((error: unknown) => error);
    await file.finishSync(new Error('EIO'));
    expect(await lost).toMatchObject(refused);
    const kept = log.append(record('b'));
    await file.finishSync();
    await kept;
  });

  test('a hanging disk cannot fill the memory', async () => {
    const log = createDecisionLog(heldFile(), { fsync: true, maxPending: 2 });
    void log.append(record('a'));
    await turn();
    void log.append(record('b'));
    void log.append(record('c'));
    await expect(log.append(record('d'))).rejects.toMatchObject(refused);
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
