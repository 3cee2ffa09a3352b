/**
 * Promise P2: no record is lost after it was acknowledged, whatever kills the PDP; and a PDP whose disk is full denies,
 * and goes on by itself when there is room again.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { segmentsOf } from '../support/audit-segments.js';
import { eventually } from '../support/eventually.js';
import { type FullDisk, limitFiles, mountVolume } from '../support/full-disk.js';
import { startLoad } from '../support/load.js';
import { judge } from '../support/oracle.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { repositoryRoot } from '../support/root.js';
import { type Stack, startStack } from '../support/stack.js';

const POLICIES = policySource('1.0.0', [ALLOW_SESSIONS, allowTools('files', ['read', 'write'])]);
const CLI = join(repositoryRoot(), 'cli/dist/main.js');
const volume = mountVolume();

interface Verified {
  readonly ok: boolean;
  readonly records: number;
  readonly provenTo: number;
  readonly findings: readonly { readonly code: string }[];
}

/** What `portcullis audit verify` says about a folder, with the PDP's own key. */
function verifyAudit(folder: string): Verified {
  const args = [CLI, 'audit', 'verify', folder, '--key', join(folder, 'checkpoint.vkey'), '--json'];
  try {
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' })) as Verified;
  } catch (error) {
    const { stdout, status } = error as { readonly stdout: string; readonly status: number };
    expect(status).toBe(7);
    return JSON.parse(stdout) as Verified;
  }
}

describe('a PDP that is killed under load', () => {
  let stack: Stack;
  let upstream: RecordingUpstream;

  beforeAll(async () => {
    upstream = await startRecordingUpstream();
    stack = await startStack({
      pdp: { audit: { checkpointMs: 200, maxSegmentBytes: 64 * 1024 } },
    });
    await stack.publish(POLICIES, { waitMs: 15_000 });
  }, 60_000);
  afterAll(async () => {
    await stack?.close();
    await upstream?.close();
  });

  test('loses nothing that it acknowledged, and its chain is whole after every start', async () => {
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('no PDP');
    const sidecar = await stack.startSidecar({
      upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
    });
    const load = startLoad({ url: sidecar.mcpUrl('files'), agents: 6, everyMs: 5 });
    for (let kill = 0; kill < 4; kill += 1) {
      const before = upstream.calls.length;
      await eventually('calls to pass', () => Promise.resolve(upstream.calls.length > before + 60), 20_000, 20);
      await pdp.kill();
      await pdp.start();
    }
    const before = upstream.calls.length;
    await eventually('calls to pass', () => Promise.resolve(upstream.calls.length > before + 60), 20_000, 20);
    await load.stop();
    // What it refused while nobody answered it reports, and that is on record as well.
    await sidecar.terminate();

    const verdict = judge([...upstream.calls], stack.decisions());
    expect(verdict.violations).toEqual([]);
    expect(verdict.checked).toBeGreaterThan(300);
    await eventually('a checkpoint', () => Promise.resolve(verifyAudit(pdp.auditDir).provenTo > 300), 10_000, 200);
    const verified = verifyAudit(pdp.auditDir);
    expect(verified).toMatchObject({ ok: true, findings: [] });
    const kinds = recordsIn(pdp.auditDir).map(({ kind }) => kind);
    const others = kinds.filter((kind) => kind !== 'decision' && kind !== 'refusal');
    // One release was put in force at every start.
    expect(others).toEqual(Array(5).fill('release'));
    expect(verified.records).toBe(kinds.length);
    expect(segmentsOf(pdp.auditDir).length).toBeGreaterThan(2);
  }, 120_000);

  test('is left alone by a second one on its data directory, which does not start', async () => {
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('no PDP');
    const before = recordsIn(pdp.auditDir).length;
    await expect(pdp.start()).rejects.toThrow('ERR_PDP_DATA_DIR');
    expect(recordsIn(pdp.auditDir)).toHaveLength(before);
  }, 60_000);

  test('does not go on with a chain that was cut: it refuses to start', async () => {
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('no PDP');
    expect(await pdp.terminate()).toBe(0);
    const file = segmentsOf(pdp.auditDir).at(-1) ?? '';
    const text = readFileSync(file, 'utf8');
    const cut = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
    writeFileSync(file, cut);
    expect(verifyAudit(pdp.auditDir).findings.map(({ code }) => code)).toEqual(['CHAIN_TRUNCATED']);
    await expect(pdp.start()).rejects.toThrow('ERR_AUDIT_CHAIN');
    writeFileSync(file, text);
    await pdp.start();
    expect(verifyAudit(pdp.auditDir)).toMatchObject({ ok: true });
  }, 60_000);
});

/** Without a privilege the limit is what there is; with it, both are shown. */
const DISKS: readonly (readonly [name: string, make: () => FullDisk])[] = [
  ['may write no longer files', limitFiles],
  ...(volume === undefined ? [] : [['writes to a volume that is full', () => volume] as const]),
];

describe.each(DISKS)('a PDP that %s', (_name, make) => {
  let disk: FullDisk;
  let stack: Stack;
  let upstream: RecordingUpstream;

  beforeAll(async () => {
    disk = make();
    upstream = await startRecordingUpstream();
    stack = await startStack({ pdp: { audit: { dir: join(disk.folder, 'audit'), checkpointMs: 200 } } });
    await stack.publish(POLICIES, { waitMs: 15_000 });
  }, 60_000);
  afterAll(async () => {
    await stack?.close();
    await upstream?.close();
    disk?.close();
  });

  test('denies, lets nothing pass unrecorded, and goes on when there is room again', async () => {
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('no PDP');
    const audit = join(disk.folder, 'audit');
    const sidecar = await stack.startSidecar({
      upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
    });
    const load = startLoad({ url: sidecar.mcpUrl('files'), agents: 4, everyMs: 10 });
    const good = (since: number): number => load.since(since).filter(({ outcome }) => outcome.kind === 'result').length;
    const refused = (since: number): number =>
      load.since(since).filter(({ outcome }) => isCode(outcome, 'AUDIT_UNAVAILABLE')).length;
    await eventually('calls to pass', () => good(0) > 20, 20_000, 20);

    disk.fill(pdp.pid, segmentsOf(audit).at(-1) ?? '');
    await eventually('a refusal', () => refused(0) > 0, 20_000, 20);
    const full = performance.now();
    await eventually('many refusals', () => refused(full + 60) > 100, 20_000, 20);
    expect(good(full + 60)).toBe(0);

    disk.free(pdp.pid);
    const freed = performance.now();
    await eventually('calls to pass again', () => good(freed) > 20, 10_000, 20);
    await load.stop();
    // What it refused by itself it reports, and that is on record as well.
    await sidecar.terminate();

    const records = recordsIn(audit);
    const decisions = records.filter(({ kind }) => kind === 'decision');
    expect(judge([...upstream.calls], decisions).violations).toEqual([]);
    expect(verifyAudit(audit)).toMatchObject({ ok: true, records: records.length });
    expect(readdirSync(audit).filter((name) => name.includes('torn'))).toEqual([]);
  }, 90_000);
});

function recordsIn(dir: string): readonly ReturnType<Stack['decisions']>[number][] {
  return segmentsOf(dir)
    .flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line));
}

function isCode(outcome: { readonly kind: string; readonly code?: string }, code: string): boolean {
  return outcome.kind === 'refused' && outcome.code === code;
}
