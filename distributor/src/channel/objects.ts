/** What a channel must hold for a state, in the order in which it may become visible. */

import {
  hashesOf,
  MAX_METADATA_BYTES,
  MAX_POINTER_BYTES,
  metadataKey,
  parseReleasePointer,
  targetKey,
} from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { MAX_BUNDLE_BYTES } from '../release/accept-bundles.js';
import type { Repository } from '../repository/repository.js';
import { namedTarget, pointerTargets, type RepositoryState } from '../repository/state.js';

/** One object of a channel. All but the timestamp never change under their key. */
export interface ChannelObject {
  readonly key: string;
  readonly maxBytes: number;
  /** Reads the bytes; large ones lie on disk until they are needed. */
  readonly load: () => Promise<Uint8Array>;
}

/** The key of the one object that changes. */
export const TIMESTAMP_KEY = metadataKey('timestamp', 0);

/**
 * Targets, roots, roles, snapshot and, last, the timestamp. Of the bundles only those that a pointer names: the others
 * stay in the repository until one does.
 * @throws PortcullisError `ERR_REPOSITORY_CORRUPT` when a target of the state is missing.
 */
export async function channelObjects(
  repository: Pick<Repository, 'readTarget'>,
  state: RepositoryState,
): Promise<readonly ChannelObject[]> {
  const read = async (path: string, sha256: string): Promise<Uint8Array> => {
    const bytes = await repository.readTarget(path, sha256);
    if (bytes !== undefined && hashesOf(bytes).sha256 === sha256) return bytes;
    throw new PortcullisError('ERR_REPOSITORY_CORRUPT', 'corrupt', 'repository is damaged: a target is missing', {
      details: { path },
    });
  };
  const bundles = new Map<string, ChannelObject>();
  const pointers: ChannelObject[] = [];
  const targets = state.roles.get('targets')?.metadata;
  for (const { path, sha256 } of pointerTargets(state)) {
    const bytes = await read(path, sha256);
    pointers.push({ key: targetKey(path, sha256), maxBytes: MAX_POINTER_BYTES, load: async () => bytes });
    const pointer = parseReleasePointer(bytes);
    if (!pointer.ok || targets === undefined) continue;
    for (const bundle of [pointer.value.stable, pointer.value.candidate]) {
      const named = bundle === null ? undefined : namedTarget(targets, bundle.target);
      const key = named === undefined ? undefined : targetKey(named.path, named.sha256);
      if (named === undefined || key === undefined || bundles.has(key)) continue;
      bundles.set(key, { key, maxBytes: MAX_BUNDLE_BYTES, load: () => read(named.path, named.sha256) });
    }
  }
  const metadata = (role: string, version: number, bytes: Uint8Array): ChannelObject => ({
    key: metadataKey(role, version),
    load: async () => bytes,
    maxBytes: MAX_METADATA_BYTES[role === 'root' || role === 'snapshot' || role === 'timestamp' ? role : 'targets'],
  });
  return [
    ...bundles.values(),
    ...pointers,
    ...state.roots.map((held) => metadata('root', held.metadata.signed.version, held.bytes)),
    ...[...state.roles].map(([role, held]) => metadata(role, held.metadata.signed.version, held.bytes)),
    metadata('snapshot', state.snapshot.metadata.signed.version, state.snapshot.bytes),
    metadata('timestamp', 0, state.timestamp.bytes),
  ];
}
