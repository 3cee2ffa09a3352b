/** A PDP goes by what somebody vouches for: withheld or repeated timestamps make it stale, and a strict one denies. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { Mutation } from '../support/hostile-mirror.js';
import { type MirroredPdp, type MirroredPlane, RECOVERY_MS, startMirroredPlane } from '../support/mirrored-plane.js';
import { draftOf } from '../support/tampered-release.js';

jest.setTimeout(60_000);

let plane: MirroredPlane;
let loose: MirroredPdp;
let strict: MirroredPdp;
const figures: string[] = [];

beforeAll(async () => {
  plane = await startMirroredPlane([{ follows: 'test' }, { follows: 'test', freshness: 'strict' }]);
  [loose, strict] = plane.pdps as [MirroredPdp, MirroredPdp];
});

afterAll(async () => {
  await plane?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

describe('a repository that nobody vouches for any more', () => {
  const LIFETIME_MS = 3_000;
  let vouching: NodeJS.Timeout;

  beforeAll(async () => {
    const pointer = plane.repository.release(await draftOf('4.0.1'));
    vouching = setInterval(() => plane.repository.renew(LIFETIME_MS), 250);
    loose.honest();
    strict.honest();
    await Promise.all([loose.inForce(pointer.seq), strict.inForce(pointer.seq)]);
  });
  afterAll(() => clearInterval(vouching));

  test.each<[string, RegExp, (frozen: ReadonlyMap<string, Buffer>) => Mutation]>([
    ['the last timestamp is repeated', /^expired: /, (frozen) => (key) => frozen.get(key)],
    [
      'the timestamp is withheld',
      /^missing: /,
      (frozen) => (key) => (key === 'metadata/timestamp.json' ? undefined : frozen.get(key)),
    ],
  ])('%s: stale, then expired, and expired denies, also after a crash', async (name, reason, freeze) => {
    // Lets both PDPs see a timestamp of the short kind first.
    for (const pdp of [loose, strict]) {
      await pdp.underAttack(
        (key) => key === 'metadata/timestamp.json',
        (key) => plane.repository.objects().get(key),
      );
    }
    const [saidLoose, saidStrict] = await Promise.all([loose.answers(), strict.answers()]);
    const mutation = freeze(plane.repository.objects());
    loose.mirror.mutate(mutation);
    strict.mirror.mutate(mutation);
    const frozenAt = performance.now();
    let denied = await strict.voice.ask('write');
    while (denied.effect === 'allow') {
      // Whatever is said is said by the one release, and for as long as a timestamp vouches for it.
      expect(performance.now() - frozenAt).toBeLessThan(LIFETIME_MS + 1_000);
      await delay(20);
      denied = await strict.voice.ask('write');
    }
    const seconds = (performance.now() - frozenAt) / 1000;
    expect(denied).toMatchObject({ effect: 'deny', codes: ['NO_VALID_BUNDLE'] });
    await strict.expectTrouble(reason);
    await eventually('the strict one to say that it has expired', async () => (await strict.freshness()) === 'expired');
    await eventually('the other one to say that it is stale', async () => (await loose.freshness()) === 'stale');
    expect(await loose.answers()).toEqual(saidLoose);

    await strict.process.kill();
    await strict.process.start();
    await eventually('the strict one to answer', async () => (await strict.voice.ask('write')).effect === 'deny');
    for (let question = 0; question < 20; question += 1) {
      expect(await strict.voice.ask('write')).toMatchObject({ effect: 'deny', codes: ['NO_VALID_BUNDLE'] });
      await delay(20);
    }

    const thawedAt = performance.now();
    loose.honest();
    strict.honest();
    await eventually(
      'the strict one to serve again',
      async () => (await strict.voice.ask('write')).effect === 'allow',
      RECOVERY_MS,
    );
    figures.push(
      `${name}: strict denied after ${seconds.toFixed(1)} s of at most ${LIFETIME_MS / 1000}, serves again ${(performance.now() - thawedAt).toFixed(0)} ms after the end`,
    );
    expect(await strict.answers()).toEqual(saidStrict);
  });
});
