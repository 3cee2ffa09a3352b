/**
 * Whoever controls the way from the distributor to a PDP can withhold and invent what travels on it. None of it puts
 * anything in force that was not released, or stops the PDP from answering as before; and the node's status says what is
 * wrong.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type MirroredPdp, type MirroredPlane, startMirroredPlane } from '../support/mirrored-plane.js';
import { createSignedRepository, RELEASE_FILES, type ReleaseFile } from '../support/signed-repository.js';
import { CHANNEL, ENV } from '../support/stack.js';
import { draftOf } from '../support/tampered-release.js';

jest.setTimeout(60_000);

let plane: MirroredPlane;
let pdp: MirroredPdp;
const figures: string[] = [];

beforeAll(async () => {
  plane = await startMirroredPlane([{ follows: 'test' }]);
  [pdp] = plane.pdps as [MirroredPdp];
});

afterAll(async () => {
  await plane?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

describe('a PDP whose repository is not what it should be', () => {
  /** The files of the release before the attacked one. */
  type Before = ReadonlyMap<ReleaseFile, Buffer>;
  interface Attack {
    readonly name: string;
    /** What is attacked; everything that a client reads before it is as it should be. */
    readonly file: ReleaseFile;
    readonly reason: RegExp;
    readonly serve: (bytes: Buffer, before: Before) => Buffer | AsyncIterable<Uint8Array> | undefined;
  }
  let attacks = 0;
  let pulled = 0;

  async function* endless(): AsyncGenerator<Uint8Array> {
    const chunk = Buffer.alloc(64 * 1024, 0x20);
    for (;;) {
      pulled += chunk.length;
      yield chunk;
    }
  }
  async function* drip(bytes: Buffer): AsyncGenerator<Uint8Array> {
    for (const byte of bytes) {
      yield Uint8Array.of(byte);
      await delay(50);
    }
  }
  const foreign = createSignedRepository(ENV, CHANNEL);

  const ATTACKS: readonly Attack[] = [
    ...RELEASE_FILES.filter((file) => file !== 'root').map(
      (file): Attack => ({ name: `${file} is missing`, file, reason: /^missing: /, serve: () => undefined }),
    ),
    ...(
      [
        ['root', 600_000],
        ['timestamp', 17_000],
        ['snapshot', 3_000_000],
        ['targets', 6_000_000],
        ['releases', 6_000_000],
        ['pointer', 70_000],
        ['bundle', 17_000_000],
      ] as const
    ).map(
      ([file, size]): Attack => ({
        name: `${file} is too large`,
        file,
        reason: /^oversized: /,
        serve: (bytes) => Buffer.concat([bytes, Buffer.alloc(size, 0x20)]),
      }),
    ),
    // What has arrived whole by the time it is found to be too large is another case than what is still under way.
    ...(['snapshot', 'targets', 'releases', 'pointer', 'bundle'] as const).map(
      (file): Attack => ({
        name: `${file} is one byte too large`,
        file,
        reason: /^oversized: /,
        serve: (bytes) => Buffer.concat([bytes, Buffer.alloc(1, 0x20)]),
      }),
    ),
    ...(['root', 'timestamp', 'targets', 'bundle'] as const).map(
      (file): Attack => ({ name: `${file} never ends`, file, reason: /^oversized: /, serve: endless }),
    ),
    ...(['timestamp', 'bundle'] as const).map(
      (file): Attack => ({ name: `${file} comes by drops`, file, reason: /^unavailable: /, serve: drip }),
    ),
    ...(['root', 'snapshot', 'bundle'] as const).map(
      (file): Attack => ({ name: `${file} is empty`, file, reason: /^metadata: /, serve: () => Buffer.alloc(0) }),
    ),
    ...(['snapshot', 'targets', 'releases', 'pointer', 'bundle'] as const).map(
      (file): Attack => ({
        name: `${file} is that of the release before`,
        file,
        reason: /^(metadata|rollback): /,
        serve: (_bytes, before) => before.get(file),
      }),
    ),
    ...(['root', 'timestamp', 'snapshot', 'targets', 'releases'] as const).map(
      (file): Attack => ({
        name: `${file} is signed by somebody else's keys`,
        file,
        reason: /^metadata: /,
        serve: () => foreign.objects().get(foreign.keyOf(file)),
      }),
    ),
  ];

  const filesNow = (): Before =>
    new Map(
      RELEASE_FILES.map((file) => [
        file,
        plane.repository.objects().get(plane.repository.keyOf(file)) ?? Buffer.alloc(0),
      ]),
    );

  beforeAll(async () => {
    const draft = await draftOf('2.0.0');
    // Its versions are far ahead, so that nothing is refused for being old.
    for (let round = 0; round < 3; round += 1) foreign.rotateRoot();
    for (let round = 0; round < 60; round += 1) foreign.release(draft);
  });

  test.each(ATTACKS)('$name', async ({ file, reason, serve }) => {
    const before = await pdp.answers();
    attacks += 1;
    const draft = await draftOf(`4.0.${attacks}`);
    const old = filesNow();
    const memory = pdp.memory();
    pulled = 0;
    const attack = (): Promise<void> =>
      pdp.underAttack(
        (key) => key === plane.repository.keyOf(file),
        (key) => {
          const bytes = plane.repository.objects().get(key);
          return bytes !== undefined && key === plane.repository.keyOf(file) ? serve(bytes, old) : bytes;
        },
      );
    if (file === 'root') {
      // Ahead of the release: a look that has passed the root already must not find the release behind it.
      plane.repository.rotateRoot();
      await attack();
    }
    // No look falls in between: the mirror changes in the turn of the release.
    const attacked = attack();
    const pointer = plane.repository.release(draft);
    while (!(await Promise.race([attacked.then(() => true), delay(200).then(() => false)]))) {
      expect(await pdp.answers()).toEqual(before);
    }
    expect(await pdp.answers()).toEqual(before);
    await pdp.expectTrouble(reason);
    if (pulled > 0) {
      const grown = pdp.memory() - memory;
      figures.push(
        `${file} without end: ${(pulled / 2 ** 20).toFixed(1)} MiB were sent before it hung up; memory grew by ${grown.toFixed(0)} MiB`,
      );
      // Its cap, and what lies in buffers on the way.
      expect(pulled).toBeLessThan(file === 'bundle' || file === 'targets' ? 40 * 2 ** 20 : 16 * 2 ** 20);
      expect(grown).toBeLessThan(200);
    }
    // A release of which nothing is changed is taken; so it was the attack that was refused.
    pdp.honest();
    await pdp.inForce(pointer.seq);
  });
});
