import { describe, expect, test } from '@jest/globals';
import type { ReleasePointer } from './release-pointer.js';
import { checkAbortRelease, selectRelease } from './select-release.js';

const bundle = (letter: string): ReleasePointer['stable'] => ({
  target: `bundles/${letter.repeat(64)}.tar.gz`,
  sha256: letter.repeat(64),
  policy_version: `1.0.0-${letter}`,
});
const release: ReleasePointer = {
  _type: 'portcullis.release/1',
  env: 'dev',
  channel: 'default',
  seq: 5,
  issued_at: '2026-01-01T00:00:00Z',
  not_after: '2026-02-01T00:00:00Z',
  stable: bundle('a'),
  candidate: { ...bundle('b'), mode: 'canary' },
  rollout: { unit: 'agent', salt: 's', percent: 10, steps: [10, 100] },
  activation: { min_acks: 0.5 },
  actor: 'alice',
};
const abort: ReleasePointer = {
  ...release,
  seq: 6,
  issued_at: '2026-01-02T00:00:00Z',
  candidate: null,
  rollout: null,
  activation: { min_acks: 0 },
  reason: 'error_budget',
  actor: 'guard',
};

describe('checkAbortRelease', () => {
  test('an abort may clear the candidate', () => {
    expect(checkAbortRelease(release, abort)).toEqual({ ok: true, value: undefined });
  });

  test('the order of keys does not matter', () => {
    const { policy_version, sha256, target } = abort.stable;
    expect(checkAbortRelease(release, { ...abort, stable: { policy_version, sha256, target } }).ok).toBe(true);
  });

  test.each<[string, Partial<ReleasePointer>, string]>([
    ['promote the candidate', { stable: bundle('b') }, 'stable'],
    ['rename the stable version', { stable: { ...bundle('a'), policy_version: '9' } }, 'stable'],
    ['ship a third bundle', { stable: bundle('c') }, 'stable'],
    ['keep the candidate', { candidate: release.candidate }, 'candidate'],
    ['swap the candidate', { candidate: { ...bundle('c'), mode: 'shadow' } }, 'candidate'],
    ['roll out', { rollout: release.rollout }, 'rollout'],
    ['use up the numbers', { seq: Number.MAX_SAFE_INTEGER }, 'seq'],
    ['repeat a number', { seq: 5 }, 'seq'],
    ['live longer', { not_after: '2027-01-01T00:00:00Z' }, 'not_after'],
    ['end everything early', { not_after: '2026-01-03T00:00:00Z' }, 'not_after'],
    ['hold activation back', { activation: { min_acks: 1 } }, 'activation.min_acks'],
    ['speak for another environment', { env: 'prod' }, 'env'],
    ['speak for another channel', { channel: 'beta' }, 'channel'],
  ])('an abort may not %s', (_name, change, path) => {
    const checked = checkAbortRelease(release, { ...abort, ...change });
    expect(checked.ok).toBe(false);
    if (!checked.ok) expect(checked.problems.map((found) => found.path)).toEqual([path]);
  });
});

describe('selectRelease', () => {
  const next: ReleasePointer = { ...release, seq: 7, candidate: null, rollout: null, stable: bundle('b') };
  const evil: ReleasePointer = { ...abort, stable: bundle('c') };
  test.each<
    [string, ReleasePointer | undefined, ReleasePointer | undefined, ReleasePointer | undefined, number | string]
  >([
    ['the release alone', release, undefined, undefined, 5],
    ['the abort of the release', release, abort, undefined, 6],
    ['the abort over the active release', release, abort, release, 6],
    ['the abort again', release, abort, abort, 6],
    ['a newer release over an older abort', next, abort, abort, 7],
    ['the release when the abort is not one', release, evil, release, 5],
    ['the release when the abort jumps ahead', release, { ...abort, seq: 900 }, release, 5],
    ['nothing without a release', undefined, abort, undefined, 'ERR_RELEASE_MISSING'],
    ['nothing older than the active one', release, undefined, abort, 'ERR_RELEASE_SEQ'],
    [
      'nothing of the same seq with other content',
      { ...release, actor: 'mallory' },
      undefined,
      release,
      'ERR_RELEASE_SEQ',
    ],
    ['nothing for another environment', { ...next, env: 'prod' }, undefined, release, 'ERR_RELEASE_CHANNEL'],
  ])('%s', (_name, signed, aborting, active, expected) => {
    const selected = selectRelease(signed, aborting, active);
    expect(selected.ok ? selected.value.seq : selected.problems[0]?.code).toBe(expected);
  });
});
