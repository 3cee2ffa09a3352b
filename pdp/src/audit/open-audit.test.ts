import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createChainVerifier, openCheckpoint, openNoteVerifier } from '@portcullis/policy/evidence';
import { createLogger, systemClock } from '@portcullis/runtime';
import { pdpConfig } from '../config.js';
import { decisionRecord as record } from '../fixtures/audit.js';
import { type Audit, openAudit } from './open-audit.js';

const SEGMENT = '0000000000000001.jsonl';
const settings = pdpConfig.shape.audit;
let dataDir: string;
let folder: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portcullis-audit-'));
  folder = join(dataDir, 'audit');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const open = (changes: object = {}): Promise<Audit> =>
  openAudit({
    config: { ...settings.parse(changes), mode: 'required' },
    dataDir,
    owner: 'portcullis.test/pdp/pdp-1',
    clock: systemClock,
    log: createLogger({ component: 'test', level: 'silent' }),
    observer: { records: () => undefined, checkpoint: () => undefined },
  });

/** Opens, records, closes. */
async function session(ids: readonly string[], changes: object = {}): Promise<void> {
  const audit = await open(changes);
  for (const id of ids) await audit.append(record(id));
  await audit.close();
}

async function verified(): Promise<{ readonly ids: readonly unknown[]; readonly provenTo: number }> {
  const key = openNoteVerifier(await readFile(join(folder, 'checkpoint.vkey'), 'utf8'));
  const names = (await readdir(folder)).sort();
  const checkpoints = [];
  for (const name of names.filter((file) => file.endsWith('checkpoint'))) {
    const opened = key && openCheckpoint(key, await readFile(join(folder, name), 'utf8'));
    expect(opened).toMatchObject({ ok: true });
    if (opened?.ok === true) checkpoints.push(opened.checkpoint);
  }
  const verifier = createChainVerifier({ checkpoints });
  const ids: unknown[] = [];
  for (const name of names.filter((file) => file.endsWith('.jsonl'))) {
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n').slice(0, -1)) {
      ids.push(verifier.line(line)?.['decision_id']);
    }
  }
  const report = verifier.finish();
  expect(report.findings).toEqual([]);
  return { ids, provenTo: report.provenTo };
}

describe('an audit folder', () => {
  test('holds one chain across starts, signed to its end when it is closed', async () => {
    await session(['a', 'b']);
    await session([]);
    await session(['c']);
    expect(await verified()).toEqual({ ids: ['a', 'b', 'c'], provenTo: 3 });
  });

  test('keeps the key to its owner', async () => {
    await session(['a']);
    expect((await stat(join(dataDir, 'audit-key.pem'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, SEGMENT))).mode & 0o777).toBe(0o600);
  });

  test('holds the chain across segments, with a checkpoint where each begins', async () => {
    await session(['a', 'b', 'c'], { maxSegmentBytes: 4_096 });
    const many = Array.from({ length: 30 }, (_, index) => `d${index}`);
    await session(many, { maxSegmentBytes: 4_096 });
    expect(await verified()).toEqual({ ids: ['a', 'b', 'c', ...many], provenTo: 33 });
    const names = await readdir(folder);
    const begun = names.filter((name) => name.endsWith('.jsonl')).map((name) => name.slice(0, 16));
    expect(begun.length).toBeGreaterThan(3);
    expect(
      names
        .filter((name) => name.endsWith('.checkpoint'))
        .map((name) => name.slice(0, 16))
        .sort(),
    ).toEqual(begun.sort().slice(1));
  });

  test('gets the checkpoints that a crash kept from being written where segments begin', async () => {
    await session(['a']);
    const signed = await readFile(join(folder, 'checkpoint'));
    await session(
      Array.from({ length: 30 }, (_, index) => `d${index}`),
      { maxSegmentBytes: 4_096 },
    );
    const boundaries = (await readdir(folder)).filter((name) => name.endsWith('.checkpoint'));
    expect(boundaries.length).toBeGreaterThan(2);
    // As a process leaves it that is killed before anything was signed.
    for (const name of boundaries) await rm(join(folder, name));
    await writeFile(join(folder, 'checkpoint'), signed);
    await session(['z'], { maxSegmentBytes: 4_096 });
    expect(await readdir(folder)).toEqual(expect.arrayContaining(boundaries));
    expect((await verified()).provenTo).toBe(32);
  });

  test.each([
    ['half a line', '{"agent":"analyst","at'],
    ['zeros', '\0'.repeat(512)],
    ['lines that are no records', 'x\n{}\ny'],
  ])('with a torn end, %s, keeps it aside and goes on', async (_name, rest) => {
    await session(['a']);
    await appendFile(join(folder, SEGMENT), rest);
    await session(['b']);
    expect((await verified()).ids).toEqual(['a', 'b']);
    const [torn = ''] = (await readdir(folder)).filter((name) => name.includes('.torn-'));
    expect(await readFile(join(folder, torn), 'utf8')).toBe(rest);
  });

  const editing = (change: (text: string) => string) => async () => {
    const file = join(folder, SEGMENT);
    await writeFile(file, change(await readFile(file, 'utf8')));
  };
  test.each([
    ['is cut below its checkpoint', editing((text) => text.slice(0, text.lastIndexOf('{"agent"')))],
    ['is emptied', () => truncate(join(folder, SEGMENT), 0)],
    ['is gone', () => rm(join(folder, SEGMENT))],
    [
      'lacks a record',
      editing((text) => text.slice(text.indexOf('\n') + 1).replace(/^/, `${text.split('\n')[2] ?? ''}\n`)),
    ],
    ['has an altered record', editing((text) => text.replace('analyst', 'somebody'))],
    ['has a last record that was altered', editing((text) => text.replace(/analyst(?!.*analyst)/s, 'somebody'))],
    ['is of another key', () => rm(join(dataDir, 'audit-key.pem'))],
    ['has the checkpoint of another', () => writeFile(join(folder, 'checkpoint'), 'w\n1\nAAAA\n')],
  ])('is not gone on with when the chain %s', async (_name, tamper) => {
    await session(['a', 'b', 'c']);
    await tamper();
    await expect(open()).rejects.toMatchObject({ code: 'ERR_AUDIT_CHAIN', kind: 'corrupt' });
  });

  test('is not gone on with when the chain is of another key and nothing was signed', async () => {
    await session(['a']);
    await rm(join(folder, 'checkpoint'));
    await rm(join(dataDir, 'audit-key.pem'));
    await expect(open()).rejects.toMatchObject({ code: 'ERR_AUDIT_CHAIN' });
  });

  test('must be a folder, and the key a key', async () => {
    await writeFile(folder, '');
    await expect(open()).rejects.toMatchObject({ code: 'ERR_AUDIT_APPEND', kind: 'unavailable' });
    await rm(folder);
    await writeFile(join(dataDir, 'audit-key.pem'), 'no key');
    await expect(open()).rejects.toMatchObject({ code: 'ERR_AUDIT_KEY', kind: 'invalid' });
  });
});
