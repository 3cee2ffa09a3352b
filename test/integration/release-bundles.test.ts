/** Bundles that nobody should decide by, released by all the right keys: the distributor refuses them, and a PDP by itself. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readSigningKeys } from '@portcullis/cli';
import {
  addBundleTarget,
  BUNDLE_PATH,
  parseRoot,
  parseTargets,
  type SigningKey,
  signersOf,
  signReleases,
} from '@portcullis/policy/trust';
import { request } from 'undici';
import { eventually } from '../support/eventually.js';
import { type MirroredPdp, type MirroredPlane, startMirroredPlane } from '../support/mirrored-plane.js';
import { bundleOf, must } from '../support/signed-repository.js';
import { CHANNEL, ENV } from '../support/stack.js';
import { connectPublisher, type PublisherConnection } from '../support/stack-releases.js';
import { draftOf, policies } from '../support/tampered-release.js';

jest.setTimeout(60_000);

let plane: MirroredPlane;
/** Follows the test. */
let pdp: MirroredPdp;
/** Follows the distributor. */
let follower: MirroredPdp;
let publisher: PublisherConnection;
const figures: string[] = [];

beforeAll(async () => {
  plane = await startMirroredPlane([{ follows: 'test' }, { follows: 'distributor' }]);
  [pdp, follower] = plane.pdps as [MirroredPdp, MirroredPdp];
  publisher = await connectPublisher(plane.stack, plane.stack.distributor.url);
});

afterAll(async () => {
  await publisher?.close();
  await plane?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

describe('a bundle that is signed by all the right keys', () => {
  let broken: Uint8Array;
  let bomb: Uint8Array;
  let refused = 0;

  beforeAll(async () => {
    const plain = gunzipSync(await bundleOf(policies('5.0.0', 'write'))).toString('latin1');
    expect(plain).toContain('"equals"');
    broken = gzipSync(Buffer.from(plain.replaceAll('"equals"', '"equalz"'), 'latin1'));
    bomb = gzipSync(Buffer.alloc(256 * 2 ** 20));
    figures.push(`the bomb: ${bomb.length} bytes that expand to ${256 * 2 ** 20}`);
  });
  const BUNDLES: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ['has policies that do not compile', () => broken, /^compile: .*equalz/],
    ['is a bomb', () => bomb, /^compile: .*expands to more than/],
    ['is no archive', () => Buffer.from('no archive'), /^compile: /],
    ['is larger than any bundle', () => Buffer.alloc(17 * 2 ** 20), /^oversized: /],
  ];

  test.each(BUNDLES)('but %s: refused by the PDP', async (_name, bundle, reason) => {
    const before = await pdp.answers();
    const memory = pdp.memory();
    const attacked = pdp.underAttack(
      (key) => key === plane.repository.keyOf('pointer'),
      (key) => plane.repository.objects().get(key),
    );
    plane.repository.release({ bundle: bundle(), policyVersion: '5.0.0' });
    await attacked;
    expect(await pdp.answers()).toEqual(before);
    await pdp.expectTrouble(reason);
    figures.push(`a bundle that ${_name}: memory of the PDP ${memory.toFixed(0)} -> ${pdp.memory().toFixed(0)} MiB`);
    refused += 1;
    const pointer = plane.repository.release(await draftOf(`5.1.${refused}`));
    await pdp.inForce(pointer.seq);
  });

  test.each(BUNDLES)('but %s: refused by the distributor', async (_name, bundle) => {
    const current = async (file: string): Promise<Uint8Array> => {
      const { statusCode, body } = await request(`${plane.stack.distributor.url}/v1/trust/${file}`, {
        dispatcher: publisher.connection.dispatcher,
      });
      expect(statusCode).toBe(200);
      return new Uint8Array(await body.arrayBuffer());
    };
    const keys = await readSigningKeys(plane.stack.trust.publisherKeys);
    const signersIn = (delegator: Parameters<typeof signersOf>[0], role: string): readonly SigningKey[] =>
      keys.filter(({ keyId }) => signersOf(delegator, role).keyIds.includes(keyId));
    const targets = await current('targets.json');
    const signing = { now: Date.now(), lifetimeMs: 86_400_000 };
    const bytes = bundle();
    const signed = must(
      addBundleTarget({
        ...signing,
        current: targets,
        keys: signersIn(must(parseRoot(await current('root.json'))), 'targets'),
        bundle: bytes,
        facts: { format: 'portcullis.policy/1', policy_version: '5.0.0' },
      }),
    );
    const status = await plane.stack.status();
    const before = status.current;
    if (before === null) throw new Error('there is a release');
    const { sha256 } = signed;
    const released = must(
      signReleases({
        ...signing,
        current: await current(`releases-${ENV}.json`),
        keys: signersIn(must(parseTargets(targets)), `releases-${ENV}`),
        pointer: {
          ...before,
          seq: before.seq + 1,
          stable: { target: BUNDLE_PATH(sha256), sha256, policy_version: '5.0.0' },
        },
      }),
    );
    const said = await follower.answers();
    // The distributor reads no further than it has to, and its answer can be lost with what was not read: asked again then.
    const { upload } = await eventually('an answer to the upload', async () => ({
      upload: await publisher.api.putBundle(sha256, bytes),
    }));
    const refusal =
      upload ??
      (await publisher.api.postRelease({
        env: ENV,
        channel: CHANNEL,
        targets: signed.bytes,
        releases: released.bytes,
        pointer: released.pointer,
      }));
    expect(refusal?.status).toBeGreaterThanOrEqual(400);
    expect(refusal?.status).toBeLessThan(500);
    expect((await plane.stack.status()).current).toEqual(before);
    expect(await follower.answers()).toEqual(said);
  });
});
