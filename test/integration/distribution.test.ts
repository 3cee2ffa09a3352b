/**
 * From the publisher's hand to three PDPs, over HTTP and over a real NATS, while what lies in between is killed, frozen,
 * wiped and set back. NATS is transport and hint, never the truth: no PDP goes back, and all are current again within ten
 * seconds of the fault's end.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parseTimestamp } from '@portcullis/policy/trust';
import { createLogger, openTlsMaterial, undiciDispatcher } from '@portcullis/runtime';
import { openNatsChannel } from '@portcullis/runtime/channel';
import { request } from 'undici';
import { readCold } from '../support/cold-reads.js';
import { eventually } from '../support/eventually.js';
import { type Heard, judgeHeard } from '../support/listen.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { enforced, type Line, RECOVERY_MS, refusals, seqs, startLine } from '../support/release-line.js';
import { crashWhilePublishing, expectUnharmed, ms, publishUnderLoad } from '../support/release-trials.js';
import { must } from '../support/signed-repository.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** How the strict stack is vouched for. */
const LIFETIME_MS = 8_000;
const REFRESH_MS = 1_000;
/** Crashes of the distributor in the middle of a publish. */
const CRASHES = LONG ? 60 : 4;
/** A random test that cannot be repeated is a rumour. */
const SEED = Number(process.env['PORTCULLIS_TEST_SEED'] ?? Date.now() % 1_000_000);

// The long form kills and flips many times more often.
jest.setTimeout(LONG ? 900_000 : 90_000);

const figures: string[] = [];
afterAll(() => {
  process.stdout.write(`${figures.join('\n')}\n`);
});

const log = createLogger({ component: 'test', level: 'silent' });

async function timestampVersion({ stack }: Line): Promise<number> {
  const material = await openTlsMaterial(stack.tls({ kind: 'pdp', name: 'pdp-1' }), { log });
  const dispatcher = undiciDispatcher(material, { acceptServer: () => true });
  try {
    const { body } = await request(`${stack.distributor.url}/tuf/metadata/timestamp.json`, { dispatcher });
    return must(parseTimestamp(new Uint8Array(await body.arrayBuffer()))).signed.version;
  } finally {
    material.close();
    await dispatcher.destroy();
  }
}

describe('over HTTP', () => {
  let line: Line;

  beforeAll(async () => {
    line = await startLine({
      freshness: 'strict',
      timestamp: { lifetimeMs: LIFETIME_MS, refreshMs: REFRESH_MS },
      pollMs: 500,
    });
  });
  afterEach(() => line?.stopListening());
  afterAll(() => line?.close());

  test('a release reaches all three, and every decision is of the one or of the other', async () => {
    figures.push(await publishUnderLoad(line, 'HTTP', LONG ? 100 : 8));
  });

  test('the distributor killed at random moments of a publish: nobody sees half of it, and it can be repeated', async () => {
    figures.push(await crashWhilePublishing(line, 'HTTP', CRASHES, SEED, ['unavailable']));
  });

  test('the distributor gone: decisions go on until nobody vouches for them, and then deny; it goes on where it was', async () => {
    const { seq, tool } = await line.publish();
    await enforced(line, seq);
    const version = await timestampVersion(line);
    const listening = line.listen(tool, { lanes: 1, everyMs: 20 });
    await line.stack.distributor.kill();
    const goneAt = performance.now();
    await eventually(
      'every PDP to deny',
      async () => (await seqs(line)).every((found) => found === 0),
      LIFETIME_MS + RECOVERY_MS,
      50,
    );
    const denying = await line.voices[0]?.ask(tool);
    expect(denying).toMatchObject({ effect: 'deny', codes: ['NO_VALID_BUNDLE'] });

    await line.stack.distributor.start();
    const backAt = performance.now();
    await enforced(line, seq);
    const servedAt = performance.now();
    const heard = await listening.stop();
    const denials = heard.filter(({ effect }) => effect !== 'allow');
    const first = Math.min(...denials.map(({ heardAt }) => heardAt)) - goneAt;
    const last = Math.max(...[0, 1, 2].map((pdp) => firstDenial(heard, pdp))) - goneAt;
    // The last timestamp was at most a refresh old, and lifetimes are written in whole seconds.
    expect(first).toBeGreaterThan(LIFETIME_MS - REFRESH_MS - 2_000);
    expect(last).toBeLessThan(LIFETIME_MS + 500);
    expect(denials.filter(({ codes }) => codes.join() !== 'NO_VALID_BUNDLE')).toEqual([]);
    expect(judgeHeard(heard)).toMatchObject({ wentBack: [], ambiguous: [] });

    expect((await line.stack.status()).current?.seq).toBe(seq);
    expect(await timestampVersion(line)).toBeGreaterThan(version);
    const next = await line.publish();
    expect(next.seq).toBe(seq + 1);
    await enforced(line, next.seq);
    figures.push(
      `distributor gone (strict, lifetime ${LIFETIME_MS} ms): the first denial after ${ms(first)}, all deny after ${ms(last)}; ` +
        `serving again ${ms(servedAt - backAt)} after it was back, with seq ${seq}`,
    );
  });
});

function firstDenial(heard: readonly Heard[], pdp: number): number {
  return heard.find((each) => each.pdp === pdp && each.effect !== 'allow')?.heardAt ?? Number.NaN;
}

describe('over NATS', () => {
  let nats: NatsServer;
  let line: Line;
  /** The index of the PDP that has no second source. */
  const LONELY = 2;
  const BOTH = [0, 1];

  beforeAll(async () => {
    nats = await startNatsServer();
    line = await startLine({
      natsUrl: nats.url,
      bundles: (index, { sources }) =>
        index === LONELY ? { sources: sources.filter(({ type }) => type === 'nats') } : {},
    });
  });
  afterEach(() => line?.stopListening());
  afterAll(async () => {
    await line?.close();
    await nats?.close();
  });

  /** Waits until NATS holds all of the current release, as a client finds that knows nothing but the root. */
  async function natsHolds(seq: number): Promise<number> {
    const reader = await openNatsChannel({ servers: [nats.url], log, role: 'reader' });
    try {
      const pinnedRoot = await readFile(line.stack.trust.rootFile);
      await eventually(
        `NATS to hold release ${seq}`,
        async () => (await readCold(reader, pinnedRoot)) === seq,
        RECOVERY_MS,
        50,
      );
      return performance.now();
    } finally {
      await reader.close();
    }
  }

  test('a release reaches all three, and every decision is of the one or of the other', async () => {
    figures.push(await publishUnderLoad(line, 'NATS', LONG ? 100 : 8));
  });

  test('NATS killed: all go on; a release takes the second source, and those without one have it when NATS is back', async () => {
    const listening = line.listen('read');
    const before = await seqs(line);
    await nats.kill();
    const release = await line.publish();
    const times = await enforced(line, release.seq, BOTH);
    expect((await seqs(line))[LONELY]).toBe(before[LONELY]);
    await nats.start();
    const backAt = performance.now();
    const [lonely = Number.NaN] = await enforced(line, release.seq, [LONELY]);
    await expectUnharmed(listening);
    figures.push(
      `NATS killed: over the second source ${ms(Math.max(...times) - release.acceptedAt)} after it was accepted ` +
        `(${ms(release.acceptedAt - release.beganAt)} to publish); without one ${ms(lonely - backAt)} after NATS was back`,
    );
  });

  test('NATS wiped: it is filled again, nobody goes back, and the next release arrives', async () => {
    const listening = line.listen('read');
    const [current = 0] = await seqs(line);
    await nats.kill();
    await nats.start({ wipe: true });
    const wipedAt = performance.now();
    const filledAt = await natsHolds(current);
    const release = await line.publish();
    const times = await enforced(line, release.seq);
    await expectUnharmed(listening);
    figures.push(
      `NATS wiped: filled again after ${ms(filledAt - wipedAt)}; the next release enforced by all ${ms(Math.max(...times) - release.acceptedAt)} after it was accepted`,
    );
  });

  test('a release right after NATS was wiped arrives as well', async () => {
    const listening = line.listen('read');
    await nats.kill();
    await nats.start({ wipe: true });
    const wipedAt = performance.now();
    const release = await line.publish();
    const times = await enforced(line, release.seq);
    await natsHolds(release.seq);
    await expectUnharmed(listening);
    figures.push(`released into a wiped NATS: enforced by all ${ms(Math.max(...times) - wipedAt)} after the wipe`);
  });

  test('NATS frozen: all go on; a release takes the second source, and those without one have it when NATS goes on', async () => {
    const listening = line.listen('read');
    const before = await seqs(line);
    nats.pause();
    try {
      const release = await line.publish();
      const times = await enforced(line, release.seq, BOTH, 2 * RECOVERY_MS);
      expect((await seqs(line))[LONELY]).toBe(before[LONELY]);
      if (LONG) await delay(30_000);
      nats.resume();
      const backAt = performance.now();
      const [lonely = Number.NaN] = await enforced(line, release.seq, [LONELY]);
      figures.push(
        `NATS frozen: over the second source ${ms(Math.max(...times) - release.acceptedAt)} after it was accepted ` +
          `(${ms(release.acceptedAt - release.beganAt)} to publish); without one ${ms(lonely - backAt)} after NATS went on`,
      );
    } finally {
      nats.resume();
    }
    await expectUnharmed(listening);
  });

  test('NATS set back to an older state: refused as such, and all are current again', async () => {
    const first = await line.publish();
    await enforced(line, first.seq);
    await natsHolds(first.seq);
    const old = await nats.backup();
    await line.publish();
    const last = await line.publish();
    await enforced(line, last.seq);
    const before = await refusals(line);
    const listening = line.listen('read');
    await nats.kill();
    await nats.start({ restore: old });
    const restoredAt = performance.now();
    const filledAt = await natsHolds(last.seq);
    const release = await line.publish();
    const times = await enforced(line, release.seq);
    const heard = await expectUnharmed(listening);
    expect(heard.filter(({ seq }) => seq < last.seq)).toEqual([]);
    const after = await refusals(line);
    figures.push(
      `NATS set back: current again after ${ms(filledAt - restoredAt)}; the next release enforced by all ${ms(Math.max(...times) - release.acceptedAt)} after it was accepted; ` +
        `refused as rollback ${(after['rollback'] ?? 0) - (before['rollback'] ?? 0)} times`,
    );
  });

  test('the distributor killed at random moments of a publish: nobody sees half of it, and it can be repeated', async () => {
    const rounds = Math.ceil(CRASHES / 2);
    figures.push(await crashWhilePublishing(line, 'NATS', rounds, SEED, ['unavailable', 'rollback']));
  });
});
