/**
 * Whoever controls the way from the distributor to a PDP can change, repeat, withhold and invent what travels on it, and
 * whoever controls a PDP's disk can damage what lies there. None of it puts anything in force that was not released,
 * takes a PDP back to an older release, or stops it from answering as before; and the node's status says what is wrong.
 */
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  connectDistributor,
  type DistributorApi,
  type DistributorConnection,
  openDistributorApi,
  readSigningKeys,
  rotateRootFile,
} from '@portcullis/cli';
import type { ObjectSource } from '@portcullis/pdp';
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
import { connectPdp, type PdpVoice } from '../support/ask-pdp.js';
import { startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { type HostileMirror, type Mutation, startHostileMirror } from '../support/hostile-mirror.js';
import { allowTools, denyTools, type PolicySource, policySource } from '../support/policy-source.js';
import {
  bundleOf,
  createSignedRepository,
  must,
  RELEASE_FILES,
  type ReleaseFile,
  type SignedRepository,
} from '../support/signed-repository.js';
import { AGENT, CHANNEL, ENV, type PdpProcess, type Stack, startStack } from '../support/stack.js';
import { filesBelow } from '../support/stack-files.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
/** Which bits of a byte are flipped, one at a time: the lowest keeps hexadecimal and digits what they are, the highest leaves ASCII. */
const MASKS = LONG ? [1, 128] : [1];
/** Of each file of a release, every so many bytes are flipped: all of them in the long form. */
const BYTE_STRIDE = LONG ? 1 : 29;
/** Of each file of a release, the real process gets every so many offsets. */
const STRIDE = LONG ? 11 : 397;
/** One look at as many sources as there are flips in it. */
const LOOK_MS = 60_000;
/** A process is started for each damaged file. */
const DAMAGE_MS = LONG ? 1_800_000 : 180_000;
/** P5. */
const RECOVERY_MS = 10_000;
const TOOLS = ['read', 'write', 'drop', 'unheard-of'] as const;

// The long form flips every byte, and two bits of it, not every twenty-ninth.
jest.setTimeout(LONG ? 1_800_000 : 60_000);

/** Releases of this file differ in one tool, so that a decision tells them apart. */
function policies(version: string, tool: 'read' | 'write'): PolicySource {
  return policySource(version, [
    allowTools('files', [tool]),
    denyTools('files', ['drop'], 'DROP_OFF', 'Nothing may be dropped.'),
  ]);
}

let stack: Stack;
let bundles: Readonly<Record<'read' | 'write', Uint8Array>>;
/** Signed by the test; what pdp-2 and pdp-3 read, each through its own mirror. */
let repository: SignedRepository;
const mirrors: HostileMirror[] = [];
const voices: PdpVoice[] = [];
let connection: DistributorConnection;
let api: DistributorApi;
const closing = new AbortController();
const figures: string[] = [];

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`there is no ${index}`);
  return found;
};
const pdp = (number: 1 | 2 | 3): PdpProcess => at(stack.pdps, number - 1);
const mirror = (number: 1 | 2 | 3): HostileMirror => at(mirrors, number - 1);
const voice = (number: 1 | 2 | 3): PdpVoice => at(voices, number - 1);

/** The PDP shares a thread with thousands of looks: a late answer is not what is looked for here. */
const PATIENCE_MS = 10_000;

/** Everything that a PDP says now that is the same whenever the same is asked of the same release. */
async function answers(of: PdpVoice): Promise<readonly unknown[]> {
  const said = await Promise.all(TOOLS.map((tool) => of.ask(tool)));
  return said.map(({ lasting, codes }) => lasting ?? codes);
}

async function seqOf(number: 1 | 2 | 3): Promise<number> {
  return (await voice(number).ask('read')).seq;
}

async function inForce(number: 1 | 2 | 3, seq: number, timeoutMs = RECOVERY_MS): Promise<void> {
  await eventually(`pdp-${number} to enforce ${seq}`, async () => (await seqOf(number)) === seq, timeoutMs);
}

/** What the distributor knows of a PDP's trouble; `undefined` when it has none. */
async function troubleOf(number: 1 | 2 | 3): Promise<string | undefined> {
  const { nodes } = await stack.status();
  return nodes.find(({ node }) => node === `pdp-${number}`)?.reason;
}

async function expectTrouble(number: 1 | 2 | 3, reason: RegExp): Promise<void> {
  let last: string | undefined;
  await eventually(`pdp-${number} to report ${reason}`, async () => {
    last = await troubleOf(number);
    return last !== undefined && reason.test(last);
  }).catch((cause: unknown) => {
    throw new Error(`pdp-${number} reports ${last ?? 'no trouble'}, not ${reason}`, { cause });
  });
}

async function metricOf(number: 1, series: string): Promise<number> {
  const { body } = await request(`http://${pdp(number).addresses['admin'] ?? ''}/metrics`);
  const line = (await body.text()).split('\n').find((candidate) => candidate.startsWith(series));
  return Number(line?.split(' ').at(-1));
}
const activations = (number: 1): Promise<number> =>
  metricOf(number, 'portcullis_pdp_bundle_activations_total{outcome="activated"}');

/** Serves `mutation` until the PDP has ended a look in which it was given one of the keys that `isMet` names. */
async function underAttack(of: HostileMirror, isMet: (key: string) => boolean, mutation: Mutation): Promise<void> {
  let isHit = false;
  let isOver = false;
  of.mutate((key, bytes) => {
    // Every look begins with the question for a newer root.
    if (isHit && key.endsWith('.root.json')) isOver = true;
    if (isMet(key)) isHit = true;
    return mutation(key, bytes);
  });
  await eventually('a look under attack to end', () => isOver, 20_000);
}

/** Files that differ in versions and digests are of one kind, and are read by the same lines. */
function firstOfEachKind(files: readonly string[]): readonly string[] {
  return [...Map.groupBy(files, (file) => file.replaceAll(/[0-9a-f]{64}|\d+/g, '#')).values()].flatMap(
    ([first]) => first ?? [],
  );
}

function flipped(bytes: Buffer, offset: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = (copy[offset] ?? 0) ^ mask;
  return copy;
}

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

beforeAll(async () => {
  bundles = {
    read: await bundleOf(policies('1.0.0', 'read')),
    write: await bundleOf(policies('2.0.0', 'write')),
  };
  repository = createSignedRepository(ENV, CHANNEL);
  repository.release({ bundle: bundles.read, policyVersion: '1.0.0' });
  let ownRoot = '';
  stack = await startStack({
    pdps: 3,
    pollMs: 100,
    // Long enough that what is replayed has not expired: it has to be refused for what it is.
    timestamp: { lifetimeMs: 600_000, refreshMs: 1_000 },
    pdp: { limits: { decisionDeadlineMs: 2_000 } },
    releaseUrl: async (index, target, files) => {
      const started = await startHostileMirror(
        target,
        files.tls({ kind: 'distributor', name: 'distributor' }),
        files.tls({ kind: 'pdp', name: `pdp-${index + 1}` }),
      );
      mirrors.push(started);
      ownRoot = join(files.folder, 'own-root.json');
      writeFileSync(ownRoot, repository.pinnedRoot);
      if (index > 0) started.mutate((key) => repository.objects().get(key));
      return started.url;
    },
    bundles: (index) => ({
      syncTimeoutMs: 2_000,
      ...(index === 0 ? {} : { rootFile: ownRoot }),
      ...(index === 2 ? { freshness: 'strict' } : {}),
    }),
  });
  for (const { endpoint } of stack.pdps)
    voices.push(await connectPdp(endpoint, stack.tls({ kind: 'agent', ...AGENT })));
  connection = await connectDistributor({
    distributor: stack.distributor.url,
    tls: stack.tls({ kind: 'publisher', name: 'publisher' }),
    trustDomain: 'portcullis.test',
  });
  api = openDistributorApi(connection, closing.signal);
  await stack.publish(policies('1.0.0', 'read'));
  await Promise.all([inForce(1, 1), inForce(2, 1), inForce(3, 1)]);
});

afterAll(async () => {
  for (const each of voices) await each.close();
  await stack?.close();
  for (const each of mirrors) await each.close();
  closing.abort();
  await connection?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

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
  const folders: string[] = [];
  const opened: { close(): Promise<void> }[] = [];

  afterAll(async () => {
    for (const each of opened.toReversed()) await each.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  test(
    'flipped on its own: never in force, and the release in force answers as before',
    async () => {
      const own = createSignedRepository(ENV, CHANNEL);
      own.release({ bundle: bundles.read, policyVersion: '1.0.0' });
      const before = own.objects();
      own.rotateRoot();
      own.release({ bundle: bundles.write, policyVersion: '2.0.0' });
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
            mask: at(MASKS, index % MASKS.length),
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
      tls: stack.tls({ kind: 'pdp', name: 'pdp-1' }),
      sources,
      decisionDeadlineMs: PATIENCE_MS,
    });
    opened.push(embedded);
    const asked = await connectPdp(embedded.address, stack.tls({ kind: 'agent', ...AGENT }), PATIENCE_MS);
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
    const before = await answers(voice(1));
    const old = new Map(mirror(1).seen);
    mirror(1).mutate((key) => old.get(key));
    const root = await rotateRootFile({
      current: readFileSync(stack.trust.rootFile),
      keyDirectories: [join(stack.trust.rootFile, '..', 'keys')],
      replace: [],
      now: Date.now(),
    });
    expect(await api.postRoot(root.bytes)).toBeUndefined();
    const { seq } = await stack.publish(policies('2.0.0', 'write'));
    const began = performance.now();
    let flips = 0;
    for (const [file, pattern] of FILES) {
      let length = 1;
      for (let offset = 0; offset < length; offset += STRIDE) {
        await underAttack(
          mirror(1),
          (key) => pattern.test(key),
          (key, bytes) => {
            if (bytes === undefined || !pattern.test(key)) return bytes;
            ({ length } = bytes);
            return flipped(bytes, offset);
          },
        );
        flips += 1;
        expect({ file, offset, said: await answers(voice(1)) }).toEqual({ file, offset, said: before });
      }
      await expectTrouble(1, /^(metadata|rollback|release|digest): /);
    }
    expect(await activations(1)).toBe(1);
    figures.push(
      `a real process: ${flips} flips in ${((performance.now() - began) / 1000).toFixed(1)} s, 0 activations`,
    );
    mirror(1).mutate();
    const honest = performance.now();
    await inForce(1, seq);
    figures.push(`honest again: in force after ${(performance.now() - honest).toFixed(0)} ms`);
    await eventually('the activation to be counted', async () => (await activations(1)) === 2);
    await eventually('the trouble to be over', async () => (await troubleOf(1)) === undefined);
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
      ({ seq: newest } = await stack.publish(policies(`3.0.${index}`, tool)));
      await inForce(1, newest);
      shown.push(new Map(mirror(1).seen));
    }
    past = shown;
    before = await answers(voice(1));
  });
  afterAll(() => mirror(1).mutate());

  const replay = async (index: number): Promise<void> => {
    const old = at(past, index);
    await underAttack(
      mirror(1),
      (key) => key === 'metadata/timestamp.json',
      (key) => old.get(key),
    );
  };

  test.each([
    ['one', 1],
    ['two', 0],
  ])('%s release ago, served whole: not taken, neither before nor after a crash', async (_name, index) => {
    await replay(index);
    expect(await answers(voice(1))).toEqual(before);
    await expectTrouble(1, /^rollback: /);
    await pdp(1).kill();
    await pdp(1).start();
    // From its own disk; the mirror has nothing else to offer than the old.
    await inForce(1, newest);
    expect(await answers(voice(1))).toEqual(before);
    await replay(index);
    await replay(index);
    expect(await answers(voice(1))).toEqual(before);
    expect(await activations(1)).toBe(0);
    await expectTrouble(1, /^rollback: /);
  });

  test(
    'with a damaged file on the PDP’s own disk: the last good, or nothing',
    async () => {
      const home = join(stack.folder, 'pdp-1');
      const kept = join(stack.folder, 'pdp-1-kept');
      mirror(1).mutate();
      await inForce(1, newest);
      await pdp(1).kill();
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
          mirror(1).mutate((key) => old.get(key));
          const started = await pdp(1)
            .start()
            .then(
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
          const said = await answers(voice(1));
          const seq = await seqOf(1);
          expect({ name, seq: [0, newest].includes(seq) }).toEqual({ name, seq: true });
          if (seq !== 0) expect({ name, said }).toEqual({ name, said: before });
          expect({ name, activations: await activations(1) }).toEqual({ name, activations: 0 });
          mirror(1).mutate();
          await inForce(1, newest);
          expect({ name, said: await answers(voice(1)) }).toEqual({ name, said: before });
          outcomes.push(
            `${name}: ${seq === 0 ? 'nothing in force until it was fetched again' : 'the last good release'}`,
          );
          await pdp(1).kill();
        }
      }
      figures.push('damaged disk, older release offered:', ...outcomes.map((line) => `  ${line}`));
      for (const each of files) copyFileSync(join(kept, relative(home, each)), each);
      await pdp(1).start();
      await inForce(1, newest);
    },
    DAMAGE_MS,
  );
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
    new Map(RELEASE_FILES.map((file) => [file, repository.objects().get(repository.keyOf(file)) ?? Buffer.alloc(0)]));
  const freshBundle = async (): Promise<{ readonly bundle: Uint8Array; readonly policyVersion: string }> => {
    attacks += 1;
    const policyVersion = `4.0.${attacks}`;
    return { bundle: await bundleOf(policies(policyVersion, 'write')), policyVersion };
  };
  const show = (number: 2 | 3): void => mirror(number).mutate((key) => repository.objects().get(key));
  const memoryOf = (number: 2): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pdp(number).pid}/status`, 'utf8'))?.[1]) / 1024;

  beforeAll(() => {
    // Its versions are far ahead, so that nothing is refused for being old.
    for (let round = 0; round < 3; round += 1) foreign.rotateRoot();
    for (let round = 0; round < 60; round += 1) foreign.release({ bundle: bundles.write, policyVersion: '2.0.0' });
  });

  test.each(ATTACKS)('$name', async ({ file, reason, serve }) => {
    const before = await answers(voice(2));
    const draft = await freshBundle();
    const old = filesNow();
    const memory = memoryOf(2);
    pulled = 0;
    const attack = (): Promise<void> =>
      underAttack(
        mirror(2),
        (key) => key === repository.keyOf(file),
        (key) => {
          const bytes = repository.objects().get(key);
          return bytes !== undefined && key === repository.keyOf(file) ? serve(bytes, old) : bytes;
        },
      );
    if (file === 'root') {
      // Ahead of the release: a look that has passed the root already must not find the release behind it.
      repository.rotateRoot();
      await attack();
    }
    // No look falls in between: the mirror changes in the turn of the release.
    const attacked = attack();
    const pointer = repository.release(draft);
    while (!(await Promise.race([attacked.then(() => true), delay(200).then(() => false)]))) {
      expect(await answers(voice(2))).toEqual(before);
    }
    expect(await answers(voice(2))).toEqual(before);
    await expectTrouble(2, reason);
    if (pulled > 0) {
      const grown = memoryOf(2) - memory;
      figures.push(
        `${file} without end: ${(pulled / 2 ** 20).toFixed(1)} MiB were sent before it hung up; memory grew by ${grown.toFixed(0)} MiB`,
      );
      // Its cap, and what lies in buffers on the way.
      expect(pulled).toBeLessThan(file === 'bundle' || file === 'targets' ? 40 * 2 ** 20 : 16 * 2 ** 20);
      expect(grown).toBeLessThan(200);
    }
    // A release of which nothing is changed is taken; so it was the attack that was refused.
    show(2);
    await inForce(2, pointer.seq);
  });

  describe('and a bundle that is signed by all the right keys', () => {
    let broken: Uint8Array;
    let bomb: Uint8Array;

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
      const before = await answers(voice(2));
      const memory = memoryOf(2);
      const attacked = underAttack(
        mirror(2),
        (key) => key === repository.keyOf('pointer'),
        (key) => repository.objects().get(key),
      );
      repository.release({ bundle: bundle(), policyVersion: '5.0.0' });
      await attacked;
      expect(await answers(voice(2))).toEqual(before);
      await expectTrouble(2, reason);
      figures.push(`a bundle that ${_name}: memory of the PDP ${memory.toFixed(0)} -> ${memoryOf(2).toFixed(0)} MiB`);
      const pointer = repository.release(await freshBundle());
      await inForce(2, pointer.seq);
    });

    test.each(BUNDLES)('but %s: refused by the distributor', async (_name, bundle) => {
      const current = async (file: string): Promise<Uint8Array> => {
        const { statusCode, body } = await request(`${stack.distributor.url}/v1/trust/${file}`, {
          dispatcher: connection.dispatcher,
        });
        expect(statusCode).toBe(200);
        return new Uint8Array(await body.arrayBuffer());
      };
      const keys = await readSigningKeys(stack.trust.publisherKeys);
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
      const status = await stack.status();
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
      const said = await answers(voice(1));
      // The distributor reads no further than it has to, and its answer can be lost with what was not read: asked again then.
      const { upload } = await eventually('an answer to the upload', async () => ({
        upload: await api.putBundle(sha256, bytes),
      }));
      const refusal =
        upload ??
        (await api.postRelease({
          env: ENV,
          channel: CHANNEL,
          targets: signed.bytes,
          releases: released.bytes,
          pointer: released.pointer,
        }));
      expect(refusal?.status).toBeGreaterThanOrEqual(400);
      expect(refusal?.status).toBeLessThan(500);
      expect((await stack.status()).current).toEqual(before);
      expect(await answers(voice(1))).toEqual(said);
    });
  });

  describe('and nobody vouches for it any more', () => {
    const LIFETIME_MS = 3_000;
    let vouching: NodeJS.Timeout;

    beforeAll(async () => {
      const pointer = repository.release(await freshBundle());
      vouching = setInterval(() => repository.renew(LIFETIME_MS), 250);
      show(2);
      show(3);
      await Promise.all([inForce(2, pointer.seq), inForce(3, pointer.seq)]);
    });
    afterAll(() => clearInterval(vouching));

    const freshnessOf = async (number: 2 | 3): Promise<string | undefined> => {
      const { nodes } = await stack.status();
      return nodes.find(({ node }) => node === `pdp-${number}`)?.freshness;
    };

    test.each<[string, RegExp, (frozen: ReadonlyMap<string, Buffer>) => Mutation]>([
      ['the last timestamp is repeated', /^expired: /, (frozen) => (key) => frozen.get(key)],
      [
        'the timestamp is withheld',
        /^missing: /,
        (frozen) => (key) => (key === 'metadata/timestamp.json' ? undefined : frozen.get(key)),
      ],
    ])('%s: stale, then expired, and expired denies, also after a crash', async (name, reason, freeze) => {
      // Lets both PDPs see a timestamp of the short kind first.
      for (const number of [2, 3] as const) {
        await underAttack(
          mirror(number),
          (key) => key === 'metadata/timestamp.json',
          (key) => repository.objects().get(key),
        );
      }
      const [loose, strict] = await Promise.all([answers(voice(2)), answers(voice(3))]);
      const mutation = freeze(repository.objects());
      mirror(2).mutate(mutation);
      mirror(3).mutate(mutation);
      const frozenAt = performance.now();
      let denied = await voice(3).ask('write');
      while (denied.effect === 'allow') {
        // Whatever is said is said by the one release, and for as long as a timestamp vouches for it.
        expect(performance.now() - frozenAt).toBeLessThan(LIFETIME_MS + 1_000);
        await delay(20);
        denied = await voice(3).ask('write');
      }
      const seconds = (performance.now() - frozenAt) / 1000;
      expect(denied).toMatchObject({ effect: 'deny', codes: ['NO_VALID_BUNDLE'] });
      await expectTrouble(3, reason);
      await eventually('the strict one to say that it has expired', async () => (await freshnessOf(3)) === 'expired');
      await eventually('the other one to say that it is stale', async () => (await freshnessOf(2)) === 'stale');
      expect(await answers(voice(2))).toEqual(loose);

      await pdp(3).kill();
      await pdp(3).start();
      await eventually('pdp-3 to answer', async () => (await voice(3).ask('write')).effect === 'deny');
      for (let question = 0; question < 20; question += 1) {
        expect(await voice(3).ask('write')).toMatchObject({ effect: 'deny', codes: ['NO_VALID_BUNDLE'] });
        await delay(20);
      }

      const thawedAt = performance.now();
      show(2);
      show(3);
      await eventually(
        'pdp-3 to serve again',
        async () => (await voice(3).ask('write')).effect === 'allow',
        RECOVERY_MS,
      );
      figures.push(
        `${name}: strict denied after ${seconds.toFixed(1)} s of at most ${LIFETIME_MS / 1000}, serves again ${(performance.now() - thawedAt).toFixed(0)} ms after the end`,
      );
      expect(await answers(voice(3))).toEqual(strict);
    });
  });
});
