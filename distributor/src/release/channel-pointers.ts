/** The pointers of a channel as the repository holds them. */

import {
  abortsRole,
  hashesOf,
  parseReleasePointer,
  type ReleasePointer,
  releasesRole,
  selectRelease,
} from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import type { Repository } from '../repository/repository.js';
import { namedTarget, pointerPaths, type RepositoryState } from '../repository/state.js';

/** The pointers of a channel; what is not there is `undefined`. */
export interface ChannelPointers {
  /** Signed by the releases role. */
  readonly release: ReleasePointer | undefined;
  /** Signed by the abort key; perhaps of an older release. */
  readonly abort: ReleasePointer | undefined;
  /** The one that PDPs run. */
  readonly current: ReleasePointer | undefined;
}

/**
 * Reads a channel's pointers.
 * @throws PortcullisError `ERR_REPOSITORY_CORRUPT` when a pointer that signed metadata names is not there.
 */
export async function readPointers(
  repository: Pick<Repository, 'readTarget'>,
  state: RepositoryState,
  env: string,
  channel: string,
): Promise<ChannelPointers> {
  const paths = pointerPaths(env, channel);
  const read = async (role: string, path: string): Promise<ReleasePointer | undefined> => {
    const held = state.roles.get(role);
    const target = held === undefined ? undefined : namedTarget(held.metadata, path);
    if (target === undefined) return undefined;
    const bytes = await repository.readTarget(path, target.sha256);
    const pointer =
      bytes !== undefined && hashesOf(bytes).sha256 === target.sha256 ? parseReleasePointer(bytes) : undefined;
    if (pointer?.ok === true) return pointer.value;
    throw new PortcullisError('ERR_REPOSITORY_CORRUPT', 'corrupt', 'repository is damaged: a pointer is missing', {
      details: { path },
    });
  };
  const release = await read(releasesRole(env), paths.release);
  const abort = await read(abortsRole(env), paths.abort);
  const selected = selectRelease(release, abort, undefined);
  return { release, abort, current: selected.ok ? selected.value : undefined };
}
