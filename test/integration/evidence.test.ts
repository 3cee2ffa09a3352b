/**
 * Evidence on its way to the distributor (P2): whatever is killed, wiped or away for a while, the distributor ends with the
 * chain that the PDP has, record for record; and a PDP denies before it loses anything.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
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

  test('a NATS server that is down, wiped and back costs nothing', async () => {
    if (nats === undefined) return;
    const server = nats;
    await underLoad(async () => {
      await server.kill();
      await eventually('a lag', async () => (await lagOf(pdp)) > 20, 20_000, 50);
      await server.start({ wipe: true });
    });
    await sameChain(view, pdp);
    expect(await eventually('no lag', async () => (await lagOf(pdp)) === 0)).toBe(true);
  }, 90_000);

  test('a PDP that ends in order has shipped its last record', async () => {
    await underLoad(async () => undefined);
    expect(await pdp.terminate()).toBe(0);
    const there = await view.writer(pdp.name);
    expect(there?.end).toEqual(chainEndOf(pdp.auditDir));
    await pdp.start();
  }, 60_000);
});
