import { describe, expect, test } from '@jest/globals';
import { GENESIS, type ReleaseEntry, readRecord, sealRelease } from '@portcullis/policy/evidence';
import { createLogger } from '@portcullis/runtime';
import type { ReleaseState } from '../bundles/active.js';
import { recordReleases } from './record-releases.js';

const NONE: ReleaseState = { releaseSeq: 0, bundleDigest: '', policyVersion: '', freshness: 'none' };
const FIRST: ReleaseState = { releaseSeq: 1, bundleDigest: 'aa', policyVersion: '1.0.0', freshness: 'fresh' };

function follow(append: (entry: ReleaseEntry) => Promise<void>): (state: ReleaseState) => Promise<void> {
  let state = NONE;
  let listener = (): void => undefined;
  recordReleases({
    releases: {
      state: () => state,
      onChange: (told) => {
        listener = told;
        return () => undefined;
      },
    },
    append,
    env: 'prod',
    channel: 'default',
    clock: { now: () => 0 },
    log: createLogger({ component: 'test', level: 'silent' }),
  });
  return async (next) => {
    state = next;
    listener();
    await Promise.resolve();
    await Promise.resolve();
  };
}

describe('releases on record', () => {
  test('are those that come into force, each once', async () => {
    const entries: ReleaseEntry[] = [];
    const say = follow(async (entry) => void entries.push(entry));
    await say(NONE);
    await say(FIRST);
    await say({ ...FIRST, freshness: 'stale' });
    await say({ ...FIRST, releaseSeq: 2 });
    expect(entries.map(({ release_seq }) => release_seq)).toEqual([1, 2]);
    const [entry] = entries;
    if (entry === undefined) throw new Error('nothing was recorded');
    const sealed = sealRelease(entry, { record_id: 'r', writer: 'w', seq: 1, prev: GENESIS });
    expect(readRecord(sealed.line)).toMatchObject({
      ok: true,
      record: { kind: 'release', env: 'prod', bundle_digest: 'aa' },
    });
  });

  test('are tried again with the next change', async () => {
    const entries: ReleaseEntry[] = [];
    let full = true;
    const say = follow(async (entry) => {
      if (full) throw new Error('the disk is full');
      entries.push(entry);
    });
    await say(FIRST);
    full = false;
    await say({ ...FIRST, freshness: 'stale' });
    expect(entries.map(({ release_seq }) => release_seq)).toEqual([1]);
  });
});
