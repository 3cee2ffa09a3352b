/** Step 1 of a release: the uploaded metadata, checked as a TUF client will check it. */

import type { Problem } from '@portcullis/policy/model';
import { abortsRole, isExpired, killsRole, openKillList, releasesRole } from '@portcullis/policy/trust';
import {
  delegatedRoles,
  type Held,
  parseRole,
  type RepositoryState,
  rootOf,
  type TargetsMetadata,
} from '../repository/state.js';
import type { ReleaseUpload } from './upload.js';

/** The roles as they will be, and which of them differ from now. */
export interface AcceptedRoles {
  readonly problems: readonly Problem[];
  readonly effective: ReadonlyMap<string, Held<TargetsMetadata>>;
  readonly changed: ReadonlyMap<string, Held<TargetsMetadata>>;
}

/**
 * Verifies signatures, thresholds, expiry and versions: exactly one more than the current one, or the very same bytes
 * again, which change nothing. Every role that targets delegates to must verify afterwards, uploaded or not.
 * @param now epoch milliseconds.
 */
export function acceptRoles(upload: ReleaseUpload, state: RepositoryState, now: number): AcceptedRoles {
  const problems: Problem[] = [];
  const refuse = (role: string, code: string, message: string): void =>
    void problems.push({ code, message, path: `role_metadata.${role}` });
  const effective = new Map(state.roles);
  const changed = new Map<string, Held<TargetsMetadata>>();

  const admitted = new Set(['targets', releasesRole(upload.env), abortsRole(upload.env), killsRole(upload.env)]);
  for (const role of upload.roles.keys()) {
    if (!admitted.has(role)) refuse(role, 'ERR_RELEASE_ROLE', `expected one of ${[...admitted].join(', ')}`);
  }

  const take = (role: string, delegator: Parameters<typeof parseRole>[2]): void => {
    const current = state.roles.get(role);
    const uploaded = upload.roles.get(role);
    const bytes = uploaded ?? current?.bytes;
    if (bytes === undefined) {
      refuse(role, 'ERR_RELEASE_ROLE', 'targets delegates to this role, which has no metadata yet');
      return;
    }
    const held = parseRole(role, bytes, delegator);
    if (!held.ok) {
      for (const problem of held.problems) refuse(role, problem.code, problem.message);
      return;
    }
    if (uploaded === undefined || (current !== undefined && Buffer.compare(uploaded, current.bytes) === 0)) return;
    const { version, expires } = held.value.metadata.signed;
    const due = (current?.metadata.signed.version ?? 0) + 1;
    if (version !== due) refuse(role, 'ERR_RELEASE_VERSION', `expected version ${due}, found ${version}`);
    else if (isExpired(held.value.metadata, now)) refuse(role, 'ERR_RELEASE_EXPIRED', `expired at ${expires}`);
    else {
      effective.set(role, held.value);
      changed.set(role, held.value);
    }
  };

  take('targets', rootOf(state));
  const targets = effective.get('targets');
  if (targets === undefined) return { problems, effective, changed };
  const delegated = delegatedRoles(targets.metadata);
  for (const role of delegated) take(role, targets.metadata);
  const kills = changed.get(killsRole(upload.env));
  // PDPs take nothing of a repository whose kill list they cannot read.
  const list = kills === undefined ? undefined : openKillList(kills.bytes, targets.metadata, upload.env);
  if (list?.ok === false) for (const { code, message } of list.problems) refuse(killsRole(upload.env), code, message);
  for (const role of new Set([...state.roles.keys(), ...upload.roles.keys()])) {
    // A role that was there once cannot go: every client would refuse a snapshot without it.
    if (role !== 'targets' && !delegated.includes(role))
      refuse(role, 'ERR_RELEASE_ROLE', 'targets does not delegate to this role');
  }
  return { problems, effective, changed };
}
