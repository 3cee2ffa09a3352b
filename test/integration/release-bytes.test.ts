/**
 * Whoever controls the way from the distributor to a PDP can change every byte that travels on it. None of it is put in
 * force, and the PDP answers as before.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ObjectSource } from '@portcullis/pdp';
import { connectPdp } from '../support/ask-pdp.js';
import { startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import {
  createSignedRepository,
  RELEASE_FILES,
  type ReleaseFile,
  type SignedRepository,
} from '../support/signed-repository.js';
import { AGENT, CHANNEL, createStackFiles, ENV, type StackFiles } from '../support/stack-files.js';
import { answers, draftOf, flipped, TOOLS } from '../support/tampered-release.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** Which bits of a byte are flipped, one at a time: the lowest keeps hexadecimal and digits what they are, the highest leaves ASCII. */
const MASKS = LONG ? [1, 128] : [1];
/** Of each file of a release, every so many bytes are flipped: all of them in the long form. */
const BYTE_STRIDE = LONG ? 1 : 29;
/** One look at as many sources as there are flips in it. */
const LOOK_MS = 60_000;
/** The PDP shares a thread with thousands of looks: a late answer is not what is looked for here. */
const PATIENCE_MS = 10_000;

let files: StackFiles;
const folders: string[] = [];
const figures: string[] = [];

beforeAll(async () => {
  files = await createStackFiles(1);
  folders.push(files.folder);
});

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`${figures.join('\n')}\n`);
});

/**
 * Whether two files of metadata say the same under the same signatures. Hexadecimal digits mean the same in either case,
 * so there are flips that change the file and nothing that it says; root and timestamp are the two that no hash covers.
 */
function saysTheSame(one: Buffer, other: Buffer): boolean {
  try {
    const [a, b] = [one, other].map((bytes) => {
      const { signed, signatures } = JSON.parse(bytes.toString()) as {
        readonly signed: unknown;
        readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
      };
      return { signed, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: sig.toLowerCase() })) };
    });
    return isDeepStrictEqual(a, b);
  } catch {
    return false;
  }
}

/** One byte of one file, changed. */
interface Flip {
  readonly file: ReleaseFile;
  readonly offset: number;
  readonly mask: number;
  /** Whether a PDP got the file with it. */
  isMet: boolean;
}

/** What the flips are made of. */
interface Releases {
  readonly own: SignedRepository;
  readonly before: ReadonlyMap<string, Buffer>;
  readonly after: ReadonlyMap<string, Buffer>;
}

/** A PDP asks so many sources at one look; more would outlast what a test may wait for. */
const FLIPS_PER_LOOK = 1_000;

describe('every byte of a release', () => {
  const opened: { close(): Promise<void> }[] = [];

  afterAll(async () => {
    for (const each of opened.toReversed()) await each.close();
  });

  test(
    'flipped on its own: never in force, and the release in force answers as before',
    async () => {
      const own = createSignedRepository(ENV, CHANNEL);
      own.release(await draftOf('1.0.0', 'read'));
      const before = own.objects();
      own.rotateRoot();
      own.release(await draftOf('2.0.0'));
      const after = own.objects();

      let harmless = 0;
      const sizes: Partial<Record<ReleaseFile, number>> = {};
      const flips = RELEASE_FILES.flatMap((file) => {
        const original = after.get(own.keyOf(file)) ?? Buffer.alloc(0);
        sizes[file] = original.length;
        const bytes = Math.ceil(original.length / BYTE_STRIDE);
        const all = Array.from(
          { length: bytes * MASKS.length },
          (_, index): Flip => ({
            file,
            offset: Math.floor(index / MASKS.length) * BYTE_STRIDE,
            mask: MASKS[index % MASKS.length] ?? 1,
            isMet: false,
          }),
        );
        const telling = all.filter(({ offset, mask }) => !saysTheSame(original, flipped(original, offset, mask)));
        harmless += all.length - telling.length;
        return telling;
      });
      const began = performance.now();
      let questions = 0;
      for (let from = 0; from < flips.length; from += FLIPS_PER_LOOK)
        questions += await refusesAll(flips.slice(from, from + FLIPS_PER_LOOK), { own, before, after });
      const seconds = (performance.now() - began) / 1000;
      expect(questions).toBeGreaterThan(0);
      figures.push(
        `every ${BYTE_STRIDE === 1 ? '' : `${BYTE_STRIDE}th `}byte flipped: ${flips.length} flips of ${JSON.stringify(sizes)} bytes in ${seconds.toFixed(1)} s, 0 activations, ` +
          `${questions} decisions meanwhile unchanged; ${harmless} flips left out that change nothing that is said`,
      );
    },
    LONG ? 1_800_000 : 180_000,
  );

  /** A PDP with a source per flip. @returns how many questions were answered as before meanwhile */
  async function refusesAll(flips: readonly Flip[], { own, before, after }: Releases): Promise<number> {
    let shown = before;
    let isTampering = false;
    const sources = flips.map(
      (flip): ObjectSource => ({
        get: async (key) => {
          const bytes = shown.get(key);
          if (!isTampering || bytes === undefined || key !== own.keyOf(flip.file)) return bytes;
          flip.isMet = true;
          return flipped(bytes, flip.offset, flip.mask);
        },
      }),
    );
    // Thousands of looks: a disk would only add waiting.
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'portcullis-bytes-'));
    folders.push(folder);
    const rootFile = join(folder, 'root.json');
    writeFileSync(rootFile, own.pinnedRoot);
    const embedded = await startEmbeddedPdp({
      dataDir: join(folder, 'pdp'),
      rootFile,
      tls: files.tls({ kind: 'pdp', name: 'pdp-1' }),
      sources,
      decisionDeadlineMs: PATIENCE_MS,
    });
    opened.push(embedded);
    const asked = await connectPdp(embedded.address, files.tls({ kind: 'agent', ...AGENT }), PATIENCE_MS);
    opened.push(asked);
    await eventually('release 1 to be in force', async () => (await asked.ask('read')).seq === 1, LOOK_MS);
    const saidBefore = await answers(asked);

    shown = after;
    isTampering = true;
    const news = embedded.statuses.length;
    const outcome = (): string | undefined =>
      embedded.statuses.slice(news).find(({ state }) => state !== 'heartbeat')?.state;
    embedded.look();
    let questions = 0;
    while (outcome() === undefined) {
      expect(await answers(asked)).toEqual(saidBefore);
      questions += TOOLS.length;
      await delay(100);
    }
    // The first one that is taken ends the look: it is the last one that was met.
    const last = flips.findLast(({ isMet }) => isMet);
    expect({ outcome: outcome(), last }).toEqual({ outcome: 'refused', last: flips.at(-1) });
    expect(flips.filter(({ isMet }) => !isMet)).toEqual([]);
    expect(await answers(asked)).toEqual(saidBefore);

    // The same release, whole, is taken: it was the flips that were refused.
    isTampering = false;
    embedded.look();
    await eventually('release 2 to be in force', async () => (await asked.ask('write')).effect === 'allow', LOOK_MS);
    for (const each of opened.splice(0).toReversed()) await each.close();
    return questions;
  }
});
