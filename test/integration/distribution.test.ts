/**
 * From the publisher's hand to three PDPs, over HTTP and over a real NATS, while what lies in between is killed, frozen,
 * wiped and set back. NATS is transport and hint, never the truth: no PDP goes back, and all are current again within ten
 * seconds of the fault's end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { withTrustSession } from '@portcullis/pdp';
import {
  BUNDLE_PATH,
  MAX_POINTER_BYTES,
  parseReleasePointer,
  parseTimestamp,
  RELEASE_PATH,
} from '@portcullis/policy/trust';
import { createLogger, openTlsMaterial, undiciDispatcher } from '@portcullis/runtime';
import { type ChannelReader, createHttpChannelReader, openNatsChannel } from '@portcullis/runtime/channel';
import { request } from 'undici';
import { connectPdp, type PdpVoice } from '../support/ask-pdp.js';
import { eventually } from '../support/eventually.js';
import { type Heard, judgeHeard, type Listening, listen } from '../support/listen.js';
import { quantile } from '../support/load.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { allowTools, type PolicySource, policySource } from '../support/policy-source.js';
import { must } from '../support/signed-repository.js';
import { AGENT, CHANNEL, ENV, type Published, type Stack, type StackOptions, startStack } from '../support/stack.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** P5. */
const RECOVERY_MS = 10_000;
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

/** Whoever asks without pause; stopped after each test, also after one that failed. */
const listeners: Listening[] = [];
function listenTo(line: Line, tool: string, options?: Parameters<typeof listen>[2]): Listening {
  const listening = listen(line.voices, tool, options);
  listeners.push(listening);
  return listening;
}
afterEach(async () => {
  for (const listening of listeners.splice(0)) await listening.stop();
});

const log = createLogger({ component: 'test', level: 'silent' });
const ms = (value: number): string => `${value.toFixed(0)} ms`;

/** A stack with a voice at each PDP. */
interface Line {
  readonly stack: Stack;
  readonly voices: readonly PdpVoice[];
  /** Publishes the next release; `tool` is what it allows. */
  publish(): Promise<Release>;
  close(): Promise<void>;
}

interface Release extends Published {
  readonly beganAt: number;
  readonly tool: string;
}

/** Every release allows one of two tools, in turn, so that a decision tells releases apart. */
const toolOf = (version: number): string => (version % 2 === 0 ? 'write' : 'read');
const policies = (version: number): PolicySource =>
  policySource(`1.0.${version}`, [allowTools('files', [toolOf(version)])]);

async function startLine(options: StackOptions): Promise<Line> {
  const stack = await startStack({
    pdps: 3,
    // No hint is needed for what the tests promise, and none may be missed: the ordinary settings.
    pdp: { limits: { decisionDeadlineMs: 2_000 } },
    ...options,
  });
  const tls = stack.tls({ kind: 'agent', ...AGENT });
  const voices = await Promise.all(stack.pdps.map(({ endpoint }) => connectPdp(endpoint, tls)));
  let version = 0;
  return {
    stack,
    voices,
    async publish() {
      version += 1;
      const beganAt = performance.now();
      return { ...(await stack.publish(policies(version))), beganAt, tool: toolOf(version) };
    },
    async close() {
      for (const voice of voices) await voice.close();
      await stack.close();
    },
  };
}

/** Waits until the given PDPs enforce at least `seq`, and says when each did, by index. */
async function enforced(
  { voices }: Line,
  seq: number,
  pdps: readonly number[] = [0, 1, 2],
  timeoutMs = RECOVERY_MS,
): Promise<readonly number[]> {
  return Promise.all(
    pdps.map((index) =>
      eventually(
        `pdp-${index + 1} to enforce release ${seq}`,
        async () => {
          const said = await voices[index]?.ask('read');
          return (said?.seq ?? 0) >= seq && performance.now();
        },
        timeoutMs,
        2,
      ),
    ),
  );
}

async function seqs({ voices }: Line): Promise<readonly number[]> {
  return Promise.all(voices.map(async (voice) => (await voice.ask('read')).seq));
}

/** Stops listening; whatever happened meanwhile, every question was answered and nobody went back. */
async function expectUnharmed(listening: Listening): Promise<readonly Heard[]> {
  const heard = await listening.stop();
  expect(judgeHeard(heard)).toEqual({ wentBack: [], ambiguous: [], unanswered: [] });
  return heard;
}

/** Reasons for which PDPs did not take what they were shown, with how often. */
async function refusals({ stack }: Line): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { addresses } of stack.pdps) {
    const { body } = await request(`http://${addresses['admin'] ?? ''}/metrics`);
    for (const [, reason = '', count] of (await body.text()).matchAll(
      /^portcullis_pdp_bundle_verify_failures_total\{reason="(\w+)"\} (\d+)$/gm,
    )) {
      if (Number(count) > 0) counts[reason] = (counts[reason] ?? 0) + Number(count);
    }
  }
  return counts;
}

/** Publishes several times under load; every decision is of one release, and says what that release says (P4). */
async function publishUnderLoad(line: Line, name: string, rounds: number): Promise<void> {
  const first = await line.publish();
  await enforced(line, first.seq);
  const before = await refusals(line);
  const known = new Map([[first.seq, first]]);
  const toEnforced: number[] = [];
  const fromCommand: number[] = [];
  const spread: number[] = [];
  const listening = listenTo(line, 'read');
  for (let round = 0; round < rounds; round += 1) {
    const release = await line.publish();
    known.set(release.seq, release);
    const times = await enforced(line, release.seq);
    const [soonest, latest] = [Math.min(...times), Math.max(...times)];
    toEnforced.push(latest - release.acceptedAt);
    fromCommand.push(latest - release.beganAt);
    spread.push(latest - soonest);
    await delay(50);
  }
  const heard = await expectUnharmed(listening);
  const wrong = heard.filter(({ seq, digest, effect }) => {
    const release = known.get(seq);
    return release?.digest !== digest || effect !== (release.tool === 'read' ? 'allow' : 'deny');
  });
  expect(wrong).toEqual([]);
  expect(await refusals(line)).toEqual(before);
  figures.push(
    `${name}: accepted to enforced by all three: median ${ms(quantile(toEnforced, 0.5))}, worst ${ms(Math.max(...toEnforced))}; ` +
      `command to enforced: median ${ms(quantile(fromCommand, 0.5))}; between first and last PDP: median ${ms(quantile(spread, 0.5))}, ` +
      `worst ${ms(Math.max(...spread))}; ${rounds} releases, ${heard.length} decisions`,
  );
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Reads all of a repository as a client that knows nothing but the pinned root; what it finds belongs together or it throws. */
async function readCold(source: ChannelReader, pinnedRoot: Uint8Array): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-cold-'));
  try {
    const options = {
      metadataDir: join(folder, 'metadata'),
      scratchDir: join(folder, 'scratch'),
      rootsDir: join(folder, 'roots'),
      pinnedRoot,
      source,
    };
    return await withTrustSession(options, undefined, AbortSignal.timeout(5_000), async (session) => {
      const bytes = await session.read(RELEASE_PATH(ENV, CHANNEL), { maxBytes: MAX_POINTER_BYTES });
      if (bytes === undefined) return 0;
      const { seq, stable } = must(parseReleasePointer(bytes));
      const bundle = await session.read(BUNDLE_PATH(stable.sha256), { maxBytes: 1_000_000 });
      if (bundle === undefined) throw new Error(`release ${seq} has no bundle`);
      return seq;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the whole repository, again and again, and remembers what did not fit together. */
function readColdForEver(
  source: ChannelReader,
  pinnedRoot: Uint8Array,
): { readonly mixed: readonly string[]; readonly whole: () => number; stop(): Promise<void> } {
  const mixed: string[] = [];
  let whole = 0;
  let isOpen = true;
  const running = (async () => {
    while (isOpen) {
      try {
        await readCold(source, pinnedRoot);
        whole += 1;
      } catch (error: unknown) {
        // Nobody there is no news while the distributor is dead; everything else is.
        const reason: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'reason') : undefined;
        if (reason !== 'unavailable') mixed.push(String(error));
      }
      await delay(5);
    }
  })();
  return {
    mixed,
    whole: () => whole,
    async stop() {
      isOpen = false;
      await running;
    },
  };
}

/**
 * Kills the distributor at a random moment of a publish, starts it again, and publishes the same again; `rounds` times.
 * @param harmless reasons for refusals that show no mixture: one of two sources may be behind the other
 */
async function crashWhilePublishing(
  line: Line,
  name: string,
  rounds: number,
  harmless: readonly string[],
): Promise<void> {
  const { stack } = line;
  const random = createRandom(SEED);
  const material = await openTlsMaterial(stack.tls({ kind: 'pdp', name: 'pdp-1' }), { log });
  const source = createHttpChannelReader({
    baseUrl: stack.distributor.url,
    dispatcher: undiciDispatcher(material, { acceptServer: () => true }),
    ownsDispatcher: true,
  });
  const before = await refusals(line);
  const cold = readColdForEver(source, await readFile(stack.trust.rootFile));
  const listening = listenTo(line, 'read', { lanes: 1, everyMs: 20 });
  const ordinary = await line.publish();
  let publishMs = ordinary.acceptedAt - ordinary.beganAt;
  let committed = 0;
  const recoveries: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const { current } = await stack.status();
      const was = current?.seq ?? 0;
      // Up to a little longer than a publish takes here and now, so that every moment of it is met.
      const dying = delay(random() * 1.2 * publishMs).then(() => stack.distributor.kill());
      const attempt = await line.publish().then(
        ({ seq }) => seq,
        () => 0,
      );
      await dying;
      await stack.distributor.start();
      const startedAt = performance.now();
      const found = (await stack.status()).current?.seq ?? 0;
      // One of the two whole states, and what was answered for is kept.
      expect([was, was + 1]).toContain(found);
      expect(found).toBeGreaterThanOrEqual(attempt);
      if (found > was) committed += 1;
      const again = await line.publish();
      publishMs = again.acceptedAt - again.beganAt;
      expect(again.seq).toBe(found + 1);
      const times = await enforced(line, again.seq);
      recoveries.push(Math.max(...times) - startedAt);
    }
  } finally {
    await cold.stop();
    await source.close();
    material.close();
  }
  await expectUnharmed(listening);
  expect(cold.mixed).toEqual([]);
  const [refusedBefore, refused] = [before, await refusals(line)].map((counts) =>
    Object.fromEntries(Object.entries(counts).filter(([reason]) => !harmless.includes(reason))),
  );
  expect(refused).toEqual(refusedBefore);
  figures.push(
    `${name}: killed during ${rounds} publishes (seed ${SEED}), ${committed} of them had been committed; ${cold.whole()} cold reads, none mixed; ` +
      `the next release enforced by all at most ${ms(Math.max(...recoveries))} after the restart`,
  );
}

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
  afterAll(() => line?.close());

  test('a release reaches all three, and every decision is of the one or of the other', async () => {
    await publishUnderLoad(line, 'HTTP', LONG ? 100 : 8);
  });

  test('the distributor killed at random moments of a publish: nobody sees half of it, and it can be repeated', async () => {
    await crashWhilePublishing(line, 'HTTP', CRASHES, ['unavailable']);
  });

  test('the distributor gone: decisions go on until nobody vouches for them, and then deny; it goes on where it was', async () => {
    const { seq, tool } = await line.publish();
    await enforced(line, seq);
    const version = await timestampVersion(line);
    const listening = listenTo(line, tool, { lanes: 1, everyMs: 20 });
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
    await publishUnderLoad(line, 'NATS', LONG ? 100 : 8);
  });

  test('NATS killed: all go on; a release takes the second source, and those without one have it when NATS is back', async () => {
    const listening = listenTo(line, 'read');
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
    const listening = listenTo(line, 'read');
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
    const listening = listenTo(line, 'read');
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
    const listening = listenTo(line, 'read');
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
    const listening = listenTo(line, 'read');
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
    await crashWhilePublishing(line, 'NATS', Math.ceil(CRASHES / 2), ['unavailable', 'rollback']);
  });
});
