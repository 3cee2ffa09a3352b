/**
 * Whoever controls the way from the distributor to a PDP can change and repeat what travels on it, and whoever controls a
 * PDP's disk can damage what lies there. None of it puts anything in force that was not released, or takes a PDP back to
 * an older release; and the node's status says what is wrong.
 */
import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { rotateRootFile } from '@portcullis/cli';
import { eventually } from '../support/eventually.js';
import { type MirroredPdp, type MirroredPlane, startMirroredPlane } from '../support/mirrored-plane.js';
import type { ReleaseFile } from '../support/signed-repository.js';
import { filesBelow } from '../support/stack-files.js';
import { connectPublisher } from '../support/stack-releases.js';
import { flipped, policies } from '../support/tampered-release.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** Of each file of a release, the real process gets every so many offsets. */
const STRIDE = LONG ? 11 : 397;
/** A process is started for each damaged file. */
const DAMAGE_MS = LONG ? 1_800_000 : 180_000;

// The long form flips more bytes.
jest.setTimeout(LONG ? 1_800_000 : 60_000);

let plane: MirroredPlane;
let pdp: MirroredPdp;
const figures: string[] = [];

beforeAll(async () => {
  plane = await startMirroredPlane([{ follows: 'distributor' }]);
  [pdp] = plane.pdps as [MirroredPdp];
});

afterAll(async () => {
  await plane?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`there is no ${index}`);
  return found;
};

/** Files that differ in versions and digests are of one kind, and are read by the same lines. */
function firstOfEachKind(files: readonly string[]): readonly string[] {
  return [...Map.groupBy(files, (file) => file.replaceAll(/[0-9a-f]{64}|\d+/g, '#')).values()].flatMap(
    ([first]) => first ?? [],
  );
}

describe('a mirror that changes what passes', () => {
  const FILES: readonly (readonly [ReleaseFile, RegExp])[] = [
    ['root', /^metadata\/2\.root\.json$/],
    ['timestamp', /^metadata\/timestamp\.json$/],
    ['snapshot', /^metadata\/\d+\.snapshot\.json$/],
    ['targets', /^metadata\/\d+\.targets\.json$/],
    ['releases', /^metadata\/\d+\.releases-prod\.json$/],
    ['pointer', /^targets\/releases\//],
    ['bundle', /^targets\/bundles\//],
  ];

  test('one byte at a time, in front of a real process: refused, and the status says so', async () => {
    const before = await pdp.answers();
    const old = new Map(pdp.mirror.seen);
    pdp.mirror.mutate((key) => old.get(key));
    const root = await rotateRootFile({
      current: readFileSync(plane.stack.trust.rootFile),
      keyDirectories: [join(plane.stack.trust.rootFile, '..', 'keys')],
      replace: [],
      now: Date.now(),
    });
    const publisher = await connectPublisher(plane.stack, plane.stack.distributor.url);
    const refusal = await publisher.api.postRoot(root.bytes);
    await publisher.close();
    expect(refusal).toBeUndefined();
    const { seq } = await plane.stack.publish(policies('2.0.0', 'write'));
    const began = performance.now();
    let flips = 0;
    for (const [file, pattern] of FILES) {
      let length = 1;
      for (let offset = 0; offset < length; offset += STRIDE) {
        await pdp.underAttack(
          (key) => pattern.test(key),
          (key, bytes) => {
            if (bytes === undefined || !pattern.test(key)) return bytes;
            ({ length } = bytes);
            return flipped(bytes, offset);
          },
        );
        flips += 1;
        expect({ file, offset, said: await pdp.answers() }).toEqual({ file, offset, said: before });
      }
      await pdp.expectTrouble(/^(metadata|rollback|release|digest): /);
    }
    expect(await pdp.activations()).toBe(1);
    figures.push(
      `a real process: ${flips} flips in ${((performance.now() - began) / 1000).toFixed(1)} s, 0 activations`,
    );
    pdp.honest();
    const honest = performance.now();
    await pdp.inForce(seq);
    figures.push(`honest again: in force after ${(performance.now() - honest).toFixed(0)} ms`);
    await eventually('the activation to be counted', async () => (await pdp.activations()) === 2);
    await eventually('the trouble to be over', async () => (await pdp.trouble()) === undefined);
  });
});

describe('what was released before', () => {
  /** Everything that the mirror has shown at each of the last releases, oldest first. */
  let past: readonly ReadonlyMap<string, Buffer>[] = [];
  let newest = 0;
  let before: readonly unknown[] = [];

  beforeAll(async () => {
    const shown: ReadonlyMap<string, Buffer>[] = [];
    for (const [index, tool] of (['read', 'write', 'read'] as const).entries()) {
      ({ seq: newest } = await plane.stack.publish(policies(`3.0.${index}`, tool)));
      await pdp.inForce(newest);
      shown.push(new Map(pdp.mirror.seen));
    }
    past = shown;
    before = await pdp.answers();
  });
  afterAll(() => pdp.honest());

  const replay = async (index: number): Promise<void> => {
    const old = at(past, index);
    await pdp.underAttack(
      (key) => key === 'metadata/timestamp.json',
      (key) => old.get(key),
    );
  };

  test.each([
    ['one', 1],
    ['two', 0],
  ])('%s release ago, served whole: not taken, neither before nor after a crash', async (_name, index) => {
    await replay(index);
    expect(await pdp.answers()).toEqual(before);
    await pdp.expectTrouble(/^rollback: /);
    await pdp.process.kill();
    await pdp.process.start();
    // From its own disk; the mirror has nothing else to offer than the old.
    await pdp.inForce(newest);
    expect(await pdp.answers()).toEqual(before);
    await replay(index);
    await replay(index);
    expect(await pdp.answers()).toEqual(before);
    expect(await pdp.activations()).toBe(0);
    await pdp.expectTrouble(/^rollback: /);
  });

  test(
    'with a damaged file on the PDP’s own disk: the last good, or nothing',
    async () => {
      const home = join(plane.stack.folder, 'pdp-1');
      const kept = join(plane.stack.folder, 'pdp-1-kept');
      pdp.honest();
      await pdp.inForce(newest);
      await pdp.process.kill();
      // The audit chain has tests of its own.
      const files = filesBelow(home).filter((file) => !/\/(audit|scratch)\/|audit-key\.pem$/.test(file));
      cpSync(home, kept, { recursive: true });
      const flip = (bytes: Buffer): Buffer =>
        [0, bytes.length >> 1, bytes.length - 1].reduce((found, offset) => flipped(found, offset), bytes);
      const cut = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);
      const empty = (): Buffer => Buffer.alloc(0);
      const damages = Object.entries(LONG ? { flip, cut, empty } : { flip });
      const outcomes: string[] = [];
      for (const file of LONG ? files : firstOfEachKind(files)) {
        for (const [damage, inflict] of damages) {
          const name = `${relative(home, file)} ${damage}`;
          for (const each of files) copyFileSync(join(kept, relative(home, each)), each);
          writeFileSync(file, inflict(readFileSync(file)));
          const old = at(past, 0);
          pdp.mirror.mutate((key) => old.get(key));
          const started = await pdp.process.start().then(
            () => true,
            (error: unknown) => {
              expect(String(error)).toMatch(/trusted state|kill lists/);
              return false;
            },
          );
          if (!started) {
            outcomes.push(`${name}: does not start`);
            continue;
          }
          await replay(0);
          const said = await pdp.answers();
          const seq = await pdp.seq();
          expect({ name, seq: [0, newest].includes(seq) }).toEqual({ name, seq: true });
          if (seq !== 0) expect({ name, said }).toEqual({ name, said: before });
          expect({ name, activations: await pdp.activations() }).toEqual({ name, activations: 0 });
          pdp.honest();
          await pdp.inForce(newest);
          expect({ name, said: await pdp.answers() }).toEqual({ name, said: before });
          outcomes.push(
            `${name}: ${seq === 0 ? 'nothing in force until it was fetched again' : 'the last good release'}`,
          );
          await pdp.process.kill();
        }
      }
      figures.push('damaged disk, older release offered:', ...outcomes.map((line) => `  ${line}`));
      for (const each of files) copyFileSync(join(kept, relative(home, each)), each);
      await pdp.process.start();
      await pdp.inForce(newest);
    },
    DAMAGE_MS,
  );
});
