/** What is done to a line of releases, whatever it travels over. */

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { createLogger, openTlsMaterial, undiciDispatcher } from '@portcullis/runtime';
import { createHttpChannelReader } from '@portcullis/runtime/channel';
import { readColdForEver } from './cold-reads.js';
import { type Heard, judgeHeard, type Listening } from './listen.js';
import { quantile } from './load.js';
import { enforced, type Line, refusals } from './release-line.js';

const log = createLogger({ component: 'test', level: 'silent' });
/** A time in a figure. */
export const ms = (value: number): string => `${value.toFixed(0)} ms`;

/** Stops listening; whatever happened meanwhile, every question was answered and nobody went back. */
export async function expectUnharmed(listening: Listening): Promise<readonly Heard[]> {
  const heard = await listening.stop();
  expect(judgeHeard(heard)).toEqual({ wentBack: [], ambiguous: [], unanswered: [] });
  return heard;
}

/** Publishes several times under load; every decision is of one release, and says what that release says (P4). @returns what it took */
export async function publishUnderLoad(line: Line, name: string, rounds: number): Promise<string> {
  const first = await line.publish();
  await enforced(line, first.seq);
  const before = await refusals(line);
  const known = new Map([[first.seq, first]]);
  const toEnforced: number[] = [];
  const fromCommand: number[] = [];
  const spread: number[] = [];
  const listening = line.listen('read');
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
  return (
    `${name}: accepted to enforced by all three: median ${ms(quantile(toEnforced, 0.5))}, worst ${ms(Math.max(...toEnforced))}; ` +
    `command to enforced: median ${ms(quantile(fromCommand, 0.5))}; between first and last PDP: median ${ms(quantile(spread, 0.5))}, ` +
    `worst ${ms(Math.max(...spread))}; ${rounds} releases, ${heard.length} decisions`
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

/**
 * Kills the distributor at a random moment of a publish, starts it again, and publishes the same again; `rounds` times.
 * @param seed what the moments depend on
 * @param harmless reasons for refusals that show no mixture: one of two sources may be behind the other
 * @returns what it took
 */
export async function crashWhilePublishing(
  line: Line,
  name: string,
  rounds: number,
  seed: number,
  harmless: readonly string[],
): Promise<string> {
  const { stack } = line;
  const random = createRandom(seed);
  const material = await openTlsMaterial(stack.tls({ kind: 'pdp', name: 'pdp-1' }), { log });
  const source = createHttpChannelReader({
    baseUrl: stack.distributor.url,
    dispatcher: undiciDispatcher(material, { acceptServer: () => true }),
    ownsDispatcher: true,
  });
  const before = await refusals(line);
  const cold = readColdForEver(source, await readFile(stack.trust.rootFile));
  const listening = line.listen('read', { lanes: 1, everyMs: 20 });
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
  return (
    `${name}: killed during ${rounds} publishes (seed ${seed}), ${committed} of them had been committed; ${cold.whole()} cold reads, none mixed; ` +
    `the next release enforced by all at most ${ms(Math.max(...recoveries))} after the restart`
  );
}
