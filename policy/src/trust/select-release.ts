/** Which of the pointers a PDP has verified is the one to run (ADR-0002, "the abort key"). */

import canonicalize from 'canonicalize';
import type { Checked, Problem } from '../model/index.js';
import { problem, refused } from './document.js';
import type { ReleasePointer } from './release-pointer.js';

const CODE = 'ERR_RELEASE_ABORT';

/**
 * Whether `next`, signed by the abort key, does no more to `previous` (the pointer the releases role signed) than clear its
 * candidate: same env, channel, stable and `not_after`, no candidate, no rollout, exactly the next `seq`, and no more
 * acknowledgements asked for. Exactly the next `seq`, so that a stolen abort key cannot use up the numbers.
 */
export function checkAbortRelease(previous: ReleasePointer, next: ReleasePointer): Checked<void> {
  const problems: Problem[] = [];
  const expect = (holds: boolean, path: string, message: string): void => {
    if (!holds) problems.push(problem(CODE, message, path));
  };
  expect(next.env === previous.env, 'env', 'an abort must keep the environment');
  expect(next.channel === previous.channel, 'channel', 'an abort must keep the channel');
  expect(next.seq === previous.seq + 1, 'seq', `an abort of release ${previous.seq} must have seq ${previous.seq + 1}`);
  expect(sameDocument(next.stable, previous.stable), 'stable', 'an abort must repeat the stable bundle');
  expect(next.candidate === null, 'candidate', 'an abort must clear the candidate');
  expect(next.rollout === null, 'rollout', 'an abort must not roll anything out');
  expect(next.not_after === previous.not_after, 'not_after', 'an abort must not change how long the release is valid');
  expect(
    next.activation.min_acks <= previous.activation.min_acks,
    'activation.min_acks',
    'an abort must not be harder to activate',
  );
  return problems.length === 0 ? { ok: true, value: undefined } : { ok: false, problems };
}

/**
 * The pointer to run. All three have already been verified as TUF targets and parsed.
 *
 * `release` decides; `abort` is applied only when it is the successor of `release` and {@link checkAbortRelease} passes, and
 * is otherwise as if absent, so whoever holds the abort key can neither ship policy nor stop others from shipping it.
 * Refuses without a release, and refuses a `seq` below the active one or the active one's `seq` with other content.
 */
export function selectRelease(
  release: ReleasePointer | undefined,
  abort: ReleasePointer | undefined,
  active: ReleasePointer | undefined,
): Checked<ReleasePointer> {
  if (release === undefined) return refused('ERR_RELEASE_MISSING', 'the channel has no release');
  const aborted = abort !== undefined && checkAbortRelease(release, abort).ok;
  const selected = aborted ? abort : release;
  if (active === undefined) return { ok: true, value: selected };
  if (selected.env !== active.env || selected.channel !== active.channel) {
    return refused(
      'ERR_RELEASE_CHANNEL',
      `the release is for ${selected.env}/${selected.channel}, not ${active.env}/${active.channel}`,
    );
  }
  if (selected.seq < active.seq) {
    return refused('ERR_RELEASE_SEQ', `release ${selected.seq} is older than the active release ${active.seq}`, 'seq');
  }
  if (selected.seq === active.seq && !sameDocument(selected, active)) {
    return refused('ERR_RELEASE_SEQ', `release ${selected.seq} differs from the active release of the same seq`, 'seq');
  }
  return { ok: true, value: selected };
}

/** Whether two parsed documents say the same, whatever the order of their keys. */
export function sameDocument(a: unknown, b: unknown): boolean {
  return canonicalize(a) === canonicalize(b);
}
