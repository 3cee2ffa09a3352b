/**
 * Evidence on its way to the distributor (P2): whatever is killed, wiped or away for a while, the distributor ends with the
 * chain that the PDP has, record for record; and a PDP denies before it loses anything.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDevelopmentPki } from '@portcullis/cli';
import {
  composeDistributor,
  createMemoryEvidenceStore,
  distributorConfig,
  type EvidenceStore,
} from '@portcullis/distributor';
import {
  createChainVerifier,
  GENESIS,
  introductionText,
  openNoteSigner,
  publicKeyBytes,
  sealShipment,
  sealText,
  signCheckpoint,
  writerName,
} from '@portcullis/policy/evidence';
import { newEd25519Key } from '@portcullis/policy/trust';
import { createLogger, createServiceContext, runDrain, runTasks, signStatement } from '@portcullis/runtime';
import { packBytes } from '@portcullis/runtime/channel';
import { connect } from 'nats';
import { request } from 'undici';
import { eventually } from '../support/eventually.js';
import { chainEndOf, type EvidenceView, metricOf, openEvidenceView } from '../support/evidence.js';
import { type Load, startLoad } from '../support/load.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { judge } from '../support/oracle.js';
import { ALLOW_SESSIONS, allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type PdpProcess, type SidecarProcess, type Stack, startStack } from '../support/stack.js';

const POLICIES = policySource('1.0.0', [ALLOW_SESSIONS, allowTools('files', ['read', 'write'])]);
const SHIP = { everyMs: 50, receiptMs: 1_000, batchRecords: 50 };
const LAG = 'portcullis_pdp_audit_lag_records';

const lagOf = (pdp: PdpProcess): Promise<number> => metricOf(pdp.addresses['admin'] ?? '', LAG);

/** Waits until the distributor has exactly the chain that lies on the PDP's disk. */
async function sameChain(view: EvidenceView, pdp: PdpProcess): Promise<number> {
  return eventually(
    'the distributor to have the whole chain',
    async () => {
      const here = chainEndOf(pdp.auditDir);
      const there = await view.writer(pdp.name);
      const same = here !== undefined && there?.end.seq === here.seq && there.end.hash === here.hash;
      return same && there.provenTo === here.seq && there.findings === 0 ? here.seq : undefined;
    },
    30_000,
    100,
  );
}

const refusedBy = (stack: Stack): Promise<number> =>
  metricOf(
    stack.distributor.addresses['admin'] ?? '',
    'portcullis_distributor_evidence_shipments_total{outcome="refused"}',
  );

/** The certificate of a PDP of the same name, by an authority of somebody else's. */
async function createStranger(): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const pki = await createDevelopmentPki({
    trustDomain: 'portcullis.test',
    leaves: [{ kind: 'pdp', name: 'pdp-1' }],
    now: new Date(),
  });
  const [leaf] = pki.leaves;
  if (leaf === undefined) throw new Error('no certificate');
  return { cert: Buffer.from(leaf.certPem), key: Buffer.from(leaf.keyPem) };
}

describe.each(['nats', 'http'] as const)('evidence over %s', (transport) => {
  let nats: NatsServer | undefined;
  let stack: Stack;
  let upstream: RecordingUpstream;
  let sidecar: SidecarProcess;
  let view: EvidenceView;
  let pdp: PdpProcess;
  let load: Load | undefined;

  beforeAll(async () => {
    nats = transport === 'nats' ? await startNatsServer() : undefined;
    upstream = await startRecordingUpstream();
    stack = await startStack({
      ...(nats === undefined ? {} : { natsUrl: nats.url, natsOnly: true }),
      pdp: { audit: { checkpointMs: 200, maxSegmentBytes: 64 * 1024, ship: SHIP } },
    });
    view = await openEvidenceView(stack);
    await stack.publish(POLICIES, { waitMs: 15_000 });
    const [first] = stack.pdps;
    if (first === undefined) throw new Error('no PDP');
    pdp = first;
    sidecar = await stack.startSidecar({ upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }] });
  }, 90_000);
  afterAll(async () => {
    await load?.stop();
    await view?.close();
    await stack?.close();
    await upstream?.close();
    await nats?.close();
  });

  const requireNats = (): NatsServer => {
    if (nats === undefined) throw new Error('no NATS server');
    return nats;
  };
  /** There over NATS alone. */
  const onNats = transport === 'nats' ? test : undefined;
  const underLoad = async (work: () => Promise<void>): Promise<void> => {
    const running = startLoad({ url: sidecar.mcpUrl('files'), agents: 4, everyMs: 5 });
    load = running;
    const more = (count: number): Promise<boolean> => {
      const before = upstream.calls.length;
      return eventually('calls to pass', () => upstream.calls.length > before + count, 20_000, 20);
    };
    await more(40);
    await work();
    await more(40);
    await running.stop();
    load = undefined;
  };

  test('a PDP that is killed under load loses nothing, here or there', async () => {
    await underLoad(async () => {
      await pdp.kill();
      await pdp.start();
    });
    expect(await sameChain(view, pdp)).toBeGreaterThan(80);
    expect(judge([...upstream.calls], stack.decisions()).violations).toEqual([]);
    expect(await eventually('no lag', async () => (await lagOf(pdp)) === 0)).toBe(true);
  }, 90_000);

  test('a distributor that was away gets what it missed, and all of it when it forgot', async () => {
    await underLoad(async () => {
      await stack.distributor.kill();
      await eventually('a lag', async () => (await lagOf(pdp)) > 20, 20_000, 50);
      expect(await metricOf(pdp.addresses['admin'] ?? '', 'portcullis_pdp_audit_lag_bytes')).toBeGreaterThan(5_000);
      expect((await request(`http://${pdp.addresses['admin'] ?? ''}/readyz`)).statusCode).toBe(200);
      await stack.distributor.start();
    });
    await sameChain(view, pdp);
    expect(await eventually('no lag', async () => (await lagOf(pdp)) === 0)).toBe(true);
  }, 90_000);

  onNats?.(
    'a NATS server that is down, wiped and back costs nothing',
    async () => {
      const server = requireNats();
      await underLoad(async () => {
        await server.kill();
        await eventually('a lag', async () => (await lagOf(pdp)) > 20, 20_000, 50);
        await server.start({ wipe: true });
      });
      await sameChain(view, pdp);
      expect(await eventually('no lag', async () => (await lagOf(pdp)) === 0)).toBe(true);
    },
    90_000,
  );

  onNats?.(
    'nobody on NATS can ship in the name of a PDP, nor accuse it',
    async () => {
      const connection = await connect({ servers: [requireNats().url] });
      try {
        const pem = newEd25519Key();
        const owner = 'portcullis.test/pdp/pdp-1';
        const rogue = openNoteSigner(writerName(owner, publicKeyBytes(pem)), pem);
        const { line, hash } = sealText(
          JSON.stringify({ prev: GENESIS, record_id: 'r-1', seq: 1, writer: rogue.name }),
        );
        const stranger = await createStranger();
        const content = {
          at: Date.now(),
          from: 1,
          records: Buffer.from(`${line}\n`),
          checkpoint: signCheckpoint(rogue, { size: 1, head: hash }),
          introduction: signStatement(stranger, introductionText(rogue.verifierKey)),
        };
        const before = await refusedBy(stack);
        const sealed = Buffer.concat(sealShipment(rogue, { ...content, id: 'rogue-1' }));
        // Its own key with a certificate of nobody known; and what was changed after it was signed.
        const forgeries = [sealed, Buffer.from(sealed.toString('utf8').replace('r-1', 'r-2')), Buffer.from('junk\n')];
        for (const [index, bytes] of forgeries.entries()) {
          const msgID = `rogue-${index}`;
          await connection.jetstream().publish(`portcullis.shipment.rogue${index}`, await packBytes(bytes), { msgID });
        }
        await eventually('three refusals', async () => (await refusedBy(stack)) === before + 3);
        expect((await view.writers()).map(({ writer }) => writer)).toEqual([(await view.writer(pdp.name))?.writer]);
        await sameChain(view, pdp);
      } finally {
        await connection.close();
      }
    },
    60_000,
  );

  test('a PDP that ends in order has shipped its last record', async () => {
    await underLoad(async () => undefined);
    expect(await pdp.terminate()).toBe(0);
    const there = await view.writer(pdp.name);
    expect(there?.end).toEqual(chainEndOf(pdp.auditDir));
    await pdp.start();
  }, 60_000);
});

describe('a PDP whose audit folder is at its cap', () => {
  let stack: Stack;
  let upstream: RecordingUpstream;
  let load: Load | undefined;
  let lasting: { readonly store: EvidenceStore; close(): Promise<void> } | undefined;

  beforeAll(async () => {
    upstream = await startRecordingUpstream();
    stack = await startStack({
      pdp: {
        audit: {
          checkpointMs: 100,
          maxSegmentBytes: 16 * 1024,
          maxTotalBytes: 128 * 1024,
          ship: SHIP,
          keep: { shippedMs: 0 },
        },
      },
    });
    await stack.publish(POLICIES, { waitMs: 15_000 });
  }, 60_000);
  afterAll(async () => {
    await load?.stop();
    await lasting?.close();
    await stack?.close();
    await upstream?.close();
  });

  /** The stack's distributor, with a store that survives it. */
  async function startLastingDistributor(): Promise<NonNullable<typeof lasting>> {
    const store = createMemoryEvidenceStore({ maxRecords: 1_000_000, maxWriters: 10 });
    const config = distributorConfig.parse(JSON.parse(readFileSync(join(stack.folder, 'distributor.json'), 'utf8')));
    const stop = new AbortController();
    const log = createLogger({ component: 'test', level: 'silent' });
    const context = createServiceContext({ name: 'distributor', log, signal: stop.signal });
    const service = await composeDistributor(config, context, { evidence: { store, durable: true } });
    const running = runTasks(service.tasks, stop.signal);
    return {
      store,
      close: async () => {
        stop.abort();
        await running;
        await runDrain(service.drain, log);
      },
    };
  }

  test('denies while nobody takes its evidence, and goes on when shipping and removal made room', async () => {
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('no PDP');
    const sidecar = await stack.startSidecar({
      upstreams: [{ name: 'files', url: upstream.url, decisionHeaders: true }],
    });
    // What a memory holds is no reason to remove anything, so all of it counts.
    await stack.distributor.kill();
    const running = startLoad({ url: sidecar.mcpUrl('files'), agents: 4, everyMs: 5 });
    load = running;
    const good = (since: number): number =>
      running.since(since).filter(({ outcome }) => outcome.kind === 'result').length;
    const isFull = ({ outcome }: Load['calls'][number]): boolean =>
      outcome.kind === 'refused' && outcome.code === 'AUDIT_UNAVAILABLE';
    await eventually('refusals', () => running.calls.filter(isFull).length > 20, 30_000, 50);
    const full = performance.now();
    await eventually('more refusals', () => running.since(full).filter(isFull).length > 20, 10_000, 50);
    expect(good(full)).toBe(0);
    expect((await request(`http://${pdp.addresses['admin'] ?? ''}/readyz`)).statusCode).toBe(200);

    lasting = await startLastingDistributor();
    const { store } = lasting;
    const back = performance.now();
    // More than fits into the folder: what was stored has made room again and again.
    await eventually('calls to pass', () => good(back) > 300, 30_000, 50);
    await running.stop();
    load = undefined;
    await eventually('no lag', async () => (await lagOf(pdp)) === 0, 20_000, 50);

    const [writer] = await store.writers();
    expect(writer).toMatchObject({ end: chainEndOf(pdp.auditDir), findings: 0 });
    const records = await store.read(writer?.writer ?? '', 1, 10_000);
    const verifier = createChainVerifier();
    const decisions = records
      .map(({ line }) => verifier.line(line))
      .filter((record) => record?.['kind'] === 'decision');
    expect(verifier.finish()).toMatchObject({ ok: true, records: writer?.end.seq });
    expect(judge([...upstream.calls], decisions as unknown as ReturnType<Stack['decisions']>).violations).toEqual([]);
    const removed = await metricOf(pdp.addresses['admin'] ?? '', 'portcullis_pdp_audit_segments_removed_total');
    expect(removed).toBeGreaterThan(3);
    // It starts again with what it kept.
    expect(await pdp.terminate()).toBe(0);
    await pdp.start();
  }, 120_000);
});
