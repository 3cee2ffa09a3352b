/** A kill list that was handed in, checked as PDPs will check it. */

import { killsRole, openKillList, parseTargets } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import type { Held, RepositoryState, TargetsMetadata } from '../repository/state.js';

/**
 * The metadata to publish; `undefined` when these very bytes are current. The `seq` may leave numbers out: PDPs may have been
 * given lists directly while this distributor was away.
 * @throws PortcullisError `ERR_KILL_REFUSED` (`invalid`) or `ERR_KILL_SEQ` (`conflict`).
 */
export function acceptKillList(
  env: string,
  bytes: Uint8Array,
  state: RepositoryState,
): Held<TargetsMetadata> | undefined {
  const role = killsRole(env);
  const targets = state.roles.get('targets')?.metadata;
  const current = state.roles.get(role);
  if (targets === undefined || current === undefined) {
    throw new PortcullisError('ERR_KILL_REFUSED', 'invalid', `there is no environment ${env} here with kill lists`);
  }
  if (Buffer.compare(bytes, current.bytes) === 0) return undefined;
  const list = openKillList(bytes, targets, env);
  const metadata = parseTargets(bytes);
  if (!list.ok || !metadata.ok) {
    const problems = [list, metadata].flatMap((checked) => (checked.ok ? [] : checked.problems));
    throw new PortcullisError('ERR_KILL_REFUSED', 'invalid', problems[0]?.message ?? 'not a kill list', {
      details: { problems },
    });
  }
  const { version } = current.metadata.signed;
  if (list.value.seq <= version) {
    throw new PortcullisError('ERR_KILL_SEQ', 'conflict', `expected more than seq ${version}, found ${list.value.seq}`);
  }
  return { bytes, metadata: metadata.value };
}
