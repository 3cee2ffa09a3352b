/**
 * Evidence from the decision to PostgreSQL and back (P2): what a PDP removed is in the database and proves itself with the key
 * that was kept elsewhere, although the distributor was killed in between.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { runCli } from '@portcullis/cli';
import { segmentsOf } from '../support/audit-segments.js';
import { eventually } from '../support/eventually.js';
import { chainEndOf, type EvidenceView, metricOf, openEvidenceView } from '../support/evidence.js';
import { type Load, startLoad } from '../support/load.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type PdpProcess, type Stack, startStack } from '../support/stack.js';

// The first run may have to obtain the server.
jest.setTimeout(180_000);

const POLICIES = policySource('1.0.0', [ALLOW_SESSIONS, allowTools('files', ['read', 'write'])]);
const REMOVED = 'portcullis_pdp_audit_segments_removed_total';
const FIRST_SEGMENT = '0000000000000001.jsonl';

let server: PostgresServer;
let upstream: RecordingUpstream;
let stack: Stack;
let view: EvidenceView;
let pdp: PdpProcess;
let load: Load | undefined;

beforeAll(async () => {
  server = await startPostgresServer();
  upstream = await startRecordingUpstream();
  const { host, port, database, user, passwordFile } = server;
  stack = await startStack({
    distributor: {
      store: { kind: 'postgres', host, port, database, user, passwordFile },
      evidence: { readers: [{ publisher: 'publisher', tenants: '*' }] },
    },
    pdp: {
      audit: {
        checkpointMs: 200,
        maxSegmentBytes: 16 * 1024,
        ship: { everyMs: 50, receiptMs: 1_000, batchRecords: 50 },
        keep: { shippedMs: 0 },
      },
    },
  });
  view = await openEvidenceView(stack);
  await stack.publish(POLICIES, { waitMs: 30_000 });
  const [first] = stack.pdps;
  if (first === undefined) throw new Error('no PDP');
  pdp = first;
});
afterAll(async () => {
  await load?.stop();
  await view?.close();
  await stack?.close();
  await upstream?.close();
  await server?.close();
});

const removed = (): Promise<number> => metricOf(pdp.addresses['admin'] ?? '', REMOVED);

async function sameChain(): Promise<{ readonly writer: string; readonly records: number }> {
  return eventually(
    'the database to have the whole chain',
    async () => {
      const here = chainEndOf(pdp.auditDir);
      const there = await view.writer(pdp.name);
      if (here === undefined || there === undefined || there.end.hash !== here.hash) return undefined;
      return there.provenTo === here.seq && there.findings === 0
        ? { writer: there.writer, records: here.seq }
        : undefined;
    },
    60_000,
    100,
  );
}

async function verify(writer: string): Promise<{ readonly code: number; readonly said: string }> {
  const { certFile, keyFile, caFile } = stack.tls({ kind: 'publisher', name: 'publisher' });
  const connection = ['--tls-cert', certFile, '--tls-key', keyFile, '--tls-ca', caFile];
  const which = ['--distributor', stack.distributor.url, '--trust-domain', 'portcullis.test', ...connection];
  let said = '';
  const code = await runCli(
    ['audit', 'verify', '--writer', writer, '--key', join(pdp.auditDir, 'checkpoint.vkey'), ...which],
    {
      terminal: {
        width: 80,
        data: (text) => {
          said += `${text}\n`;
        },
        say: (text) => {
          said += `${text}\n`;
        },
        input: async () => new Uint8Array(),
      },
      signal: new AbortController().signal,
    },
  );
  return { code, said };
}

describe('evidence in a database', () => {
  test('lets the PDP remove what is stored, outlives a killed distributor, and proves itself', async () => {
    const sidecar = await stack.startSidecar({
      upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
    });
    const running = startLoad({ url: sidecar.mcpUrl('files'), agents: 4, everyMs: 10 });
    load = running;
    await eventually('a removed segment', async () => (await removed()) > 1, 60_000, 50);
    expect(segmentsOf(pdp.auditDir).some((file) => file.endsWith(FIRST_SEGMENT) && existsSync(file))).toBe(false);

    await stack.distributor.kill();
    const before = chainEndOf(pdp.auditDir)?.seq ?? 0;
    await eventually('records that nobody takes', () => (chainEndOf(pdp.auditDir)?.seq ?? 0) > before + 60, 60_000, 50);
    const kept = await removed();
    await stack.distributor.start();
    await eventually('more removed segments', async () => (await removed()) > kept, 60_000, 50);
    await running.stop();
    load = undefined;

    const { writer, records } = await sameChain();
    expect(records).toBeGreaterThan(before + 60);
    const { code, said } = await verify(writer);
    expect([code, said]).toEqual([0, expect.stringContaining(`signed up to record ${records}`)]);
    // What is here no longer is there: the database proves the chain from its first record.
    expect(said).toContain(`${records} records`);
    const oldest = readFileSync(segmentsOf(pdp.auditDir)[0] ?? '', 'utf8').split('\n', 1)[0] ?? '';
    expect((JSON.parse(oldest) as { readonly seq: number }).seq).toBeGreaterThan(1);
  });
});
