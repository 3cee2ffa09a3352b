import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  BUNDLE_PATH,
  metadataKey,
  parseTargets,
  RELEASE_PATH,
  type ReleasePointer,
  releasesRole,
  targetKey,
} from '@portcullis/policy/trust';
import { CHANNEL, createTestRepository, ENV, must, type TestRepository } from '../fixtures/repository.js';
import { type Floors, floorsOf } from './floors.js';
import type { ObjectSource } from './object-source.js';
import { type ReadAheadOptions, readAhead } from './read-ahead.js';

const never = AbortSignal.any([]);
const TIMESTAMP = metadataKey('timestamp', 0);
const reading = { maxBytes: 1 << 20, signal: never };

let repository: TestRepository;
let pointer: ReleasePointer;
let asked: string[];
let change: (key: string, bytes: Uint8Array | undefined) => Uint8Array | undefined;

beforeEach(async () => {
  repository = await createTestRepository(Date.now());
  pointer = await repository.release({ version: '1.0.0', allow: ['read'] });
  asked = [];
  change = (_key, bytes) => bytes;
});

function begin(changes: Partial<ReadAheadOptions> = {}): ObjectSource {
  const source: ObjectSource = {
    get: async (key) => {
      asked.push(key);
      return change(key, repository.objects().get(key));
    },
  };
  const options = { env: ENV, channel: CHANNEL, floors: undefined, holds: async () => false, maxBundleBytes: 1 << 20 };
  return readAhead(source, { ...options, signal: never, ...changes });
}

/** Everything in memory answers within a few turns. */
async function settled(): Promise<readonly string[]> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  return asked;
}

const bundleKey = (): string => targetKey(BUNDLE_PATH(pointer.stable.sha256), pointer.stable.sha256);

/** What is there once the release was taken. */
function taken(): Floors {
  const newest = new Map<string, Uint8Array>();
  for (const [key, bytes] of repository.objects()) {
    const role = /^metadata\/(?:[0-9]+\.)?(.+)\.json$/.exec(key)?.[1];
    if (role !== undefined) newest.set(role, bytes);
  }
  return must(floorsOf(newest));
}

describe('reading ahead', () => {
  test('asks for a whole release before anybody else does, and for nothing twice', async () => {
    const ahead = begin();
    const found = await settled();
    const role = releasesRole(ENV);
    const roles = must(parseTargets(repository.objects().get(metadataKey(role, 2)) ?? new Uint8Array()));
    const digest = roles.signed.targets[RELEASE_PATH(ENV, CHANNEL)]?.hashes['sha256'] ?? '';
    expect(found).toEqual(
      expect.arrayContaining([
        TIMESTAMP,
        metadataKey('targets', 2),
        metadataKey(role, 2),
        targetKey(RELEASE_PATH(ENV, CHANNEL), digest),
        bundleKey(),
      ]),
    );
    expect(new Set(found).size).toBe(found.length);
    const before = found.length;
    for (const key of [...found]) expect(await ahead.get(key, reading)).toEqual(repository.objects().get(key));
    expect(asked).toHaveLength(before);
    // What is read again may have changed since.
    await ahead.get(TIMESTAMP, reading);
    expect(asked).toHaveLength(before + 1);
  });

  test('asks for nothing that is here', async () => {
    begin({ floors: taken() });
    expect(await settled()).toEqual([TIMESTAMP]);
    asked = [];
    begin({ holds: async (sha256) => sha256 === pointer.stable.sha256 });
    expect(await settled()).not.toContain(bundleKey());
  });

  test.each([
    ['is not there', () => undefined],
    ['is rubbish', () => Buffer.from('{}')],
    ['is too large', () => Buffer.alloc(1 << 25)],
  ])('follows nothing that %s, and says so to whoever asks', async (_what, other) => {
    change = () => other();
    const ahead = begin();
    expect(await settled()).toEqual([TIMESTAMP]);
    expect(await ahead.get(TIMESTAMP, reading)).toEqual(other());
  });

  test('a failure is that of whoever asks', async () => {
    change = () => {
      throw new Error('gone');
    };
    const ahead = begin();
    await settled();
    await expect(ahead.get(TIMESTAMP, reading)).rejects.toThrow('gone');
  });
});
