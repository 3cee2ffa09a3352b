/** Step 3 of a release: the pointer says what was signed, and what it may say. */

import type { Problem } from '@portcullis/policy/model';
import {
  abortsRole,
  checkAbortRelease,
  hashesOf,
  isReleaseCurrent,
  parseReleasePointer,
  type ReleasePointer,
  releasesRole,
  unmetWish,
} from '@portcullis/policy/trust';
import type { TargetFile } from '../repository/repository.js';
import { namedTarget, pointerPaths, type RepositoryState, type TargetsMetadata } from '../repository/state.js';
import { policyVersionOf } from './accept-bundles.js';
import type { AcceptedRoles } from './accept-roles.js';
import type { ChannelPointers } from './channel-pointers.js';
import type { ReleaseUpload } from './upload.js';

/** How far ahead of ours a publisher's clock may be, in milliseconds. */
const MAX_SKEW_MS = 60_000;

/** What {@link acceptPointer} needs to know. `now` in epoch milliseconds. */
export interface PointerQuestion {
  readonly upload: ReleaseUpload;
  readonly state: RepositoryState;
  readonly roles: AcceptedRoles;
  readonly current: ChannelPointers;
  readonly now: number;
}

/** The outcome: problems, or the file to publish when the pointer changes. */
export interface AcceptedPointer {
  readonly problems: readonly Problem[];
  readonly files: readonly TargetFile[];
}

/** Checks that exactly the uploaded pointer differs from now, and that it is one that may follow the current one. */
export function acceptPointer(question: PointerQuestion): AcceptedPointer {
  const { upload, state, roles } = question;
  const problems: Problem[] = [];
  const files: TargetFile[] = [];
  const paths = pointerPaths(upload.env, upload.channel);
  for (const [role, path] of [
    [releasesRole(upload.env), paths.release],
    [abortsRole(upload.env), paths.abort],
  ] as const) {
    const after = roles.changed.get(role)?.metadata;
    if (after === undefined) continue;
    const changes = changedTargets(state.roles.get(role)?.metadata, after);
    for (const stray of changes.filter((changed) => changed !== path)) {
      problems.push({ code: 'ERR_RELEASE_TARGET', message: `this upload may change ${path} only`, path: stray });
    }
    if (!changes.includes(path)) continue;
    const target = namedTarget(after, path);
    const bytes = upload.pointer;
    if (target === undefined || bytes === undefined) {
      problems.push({
        code: 'ERR_RELEASE_TARGET',
        message: 'a pointer can be replaced, not removed, and its bytes come along',
        path,
      });
      continue;
    }
    const hashes = hashesOf(bytes);
    const signed = after.signed.targets[path]?.hashes;
    const isSigned =
      target.length === bytes.byteLength && hashes.sha256 === target.sha256 && hashes.sha512 === signed?.['sha512'];
    if (!isSigned)
      problems.push({ code: 'ERR_RELEASE_DIGEST', message: 'the pointer is not the one that was signed', path });
    const pointer = parseReleasePointer(bytes);
    problems.push(...(pointer.ok ? judge(pointer.value, role === abortsRole(upload.env), question) : pointer.problems));
    files.push({ path, sha256: hashes.sha256, bytes });
  }
  if (upload.pointer !== undefined && files.length === 0 && roles.changed.size > 0 && problems.length === 0) {
    problems.push({
      code: 'ERR_RELEASE_TARGET',
      message: 'no metadata of this upload names the pointer',
      path: 'pointer',
    });
  }
  return { problems, files };
}

function changedTargets(before: TargetsMetadata | undefined, after: TargetsMetadata): readonly string[] {
  const old = before?.signed.targets ?? {};
  const names = new Set([...Object.keys(old), ...Object.keys(after.signed.targets)]);
  return [...names].filter((name) => {
    const [was, is] = [old[name], after.signed.targets[name]];
    return was === undefined || is === undefined || !was.equals(is);
  });
}

function judge(pointer: ReleasePointer, isAbort: boolean, question: PointerQuestion): readonly Problem[] {
  const { upload, state, roles, current, now } = question;
  const problems: Problem[] = [];
  const refuse = (code: string, path: string, message: string): void =>
    void problems.push({ code, message, path: `pointer.${path}` });

  if (pointer.env !== upload.env) refuse('ERR_RELEASE_TARGET', 'env', `expected ${upload.env}, found ${pointer.env}`);
  if (pointer.channel !== upload.channel)
    refuse('ERR_RELEASE_TARGET', 'channel', `expected ${upload.channel}, found ${pointer.channel}`);
  const highest = Math.max(current.release?.seq ?? 0, current.abort?.seq ?? 0);
  if (pointer.seq <= highest) refuse('ERR_RELEASE_SEQ', 'seq', `expected more than ${highest}, found ${pointer.seq}`);
  if (!isReleaseCurrent(pointer, now)) refuse('ERR_RELEASE_EXPIRED', 'not_after', 'the release has ended already');
  if (Date.parse(pointer.issued_at) > now + MAX_SKEW_MS)
    refuse('ERR_RELEASE_CLOCK', 'issued_at', 'the release is from the future');

  const wish = unmetWish(pointer);
  if (wish !== undefined)
    refuse('ERR_RELEASE_UNSUPPORTED', wish, 'no PDP does that yet: a release has no candidate, and min_acks is 0');

  const before = state.roles.get('targets')?.metadata;
  const targets = roles.effective.get('targets')?.metadata;
  for (const [name, bundle] of [
    ['stable', pointer.stable],
    ['candidate', pointer.candidate],
  ] as const) {
    if (bundle === null) continue;
    const named = targets === undefined ? undefined : namedTarget(targets, bundle.target);
    const version = policyVersionOf(targets?.signed.targets[bundle.target]?.custom ?? {});
    if (named?.sha256 !== bundle.sha256) refuse('ERR_RELEASE_BUNDLE', name, 'targets does not name this bundle');
    else if (version !== bundle.policy_version) {
      refuse('ERR_RELEASE_BUNDLE', `${name}.policy_version`, `targets says ${version ?? 'nothing'}`);
    }
  }
  if (pointer.rollback_of !== undefined) {
    if (pointer.rollback_of > highest)
      refuse('ERR_RELEASE_ROLLBACK', 'rollback_of', `there is no release ${pointer.rollback_of}`);
    if (before === undefined || namedTarget(before, pointer.stable.target) === undefined) {
      refuse('ERR_RELEASE_ROLLBACK', 'stable', 'a rollback goes to a bundle that was published before');
    }
  }
  if (isAbort) {
    const allowed = current.release === undefined ? undefined : checkAbortRelease(current.release, pointer);
    if (allowed === undefined) refuse('ERR_RELEASE_ABORT', 'seq', 'there is no release to abort');
    else if (!allowed.ok) problems.push(...allowed.problems);
  }
  return problems;
}
