/** The first state: the metadata that `portcullis trust init` wrote, checked as strictly as anything that is uploaded. */

import { join } from 'node:path';
import type { Checked, Problem } from '@portcullis/policy/model';
import { formatProblem } from '@portcullis/policy/model';
import { parseSnapshot, parseTimestamp, signSnapshot, signTimestamp } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import type { OnlineKeys } from '../release/online-keys.js';
import type { Disk } from './disk.js';
import type { Publication } from './repository.js';
import { delegatedRoles, type Held, parseRole, parseRoots, rootOf, type TargetsMetadata } from './state.js';

/** What {@link bootstrapPublication} is told. Lifetimes in milliseconds, `now` in epoch milliseconds. */
export interface BootstrapOptions {
  /** What `trust init` wrote; `undefined` when the configuration names none. */
  readonly trustDir: string | undefined;
  readonly disk: Disk;
  readonly keys: OnlineKeys;
  readonly now: number;
  readonly snapshotLifetimeMs: number;
  readonly timestampLifetimeMs: number;
}

const ADVICE = 'run "portcullis trust init --profile dev --env ENV --dir DIR" and set trustDir to DIR';

function fail(message: string, problems: readonly Problem[] = []): never {
  const why = problems.length === 0 ? '' : `: ${problems.map(formatProblem).join('; ')}`;
  throw new PortcullisError('ERR_TRUST_INIT', 'invalid', `${message}${why}; ${ADVICE}`, { details: { problems } });
}

function must<T>(what: string, checked: Checked<T>): T {
  return checked.ok ? checked.value : fail(`${what} of the trust folder cannot be trusted`, checked.problems);
}

/**
 * The publication that fills an empty repository.
 * @throws PortcullisError `ERR_TRUST_INIT`, with the command to run, when the trust folder is missing or does not verify.
 */
export async function bootstrapPublication(options: BootstrapOptions): Promise<Publication> {
  const { trustDir, disk, keys, now } = options;
  if (trustDir === undefined) return fail('the repository is empty and no trust folder is configured');
  const read = async (role: string): Promise<Uint8Array | undefined> => {
    const versioned = role === 'timestamp' ? 'timestamp.json' : `1.${role}.json`;
    for (const name of [join('metadata', versioned), versioned, `${role}.json`]) {
      const bytes = await disk.read(join(trustDir, name));
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  };
  const required = async (role: string): Promise<Uint8Array> =>
    (await read(role)) ?? fail(`the repository is empty and ${join(trustDir, `${role}.json`)} does not exist`);

  const roots = must('root', parseRoots([await required('root')]));
  const root = rootOf({ roots });
  const targets = must('targets', parseRole('targets', await required('targets'), root));
  const roles = new Map<string, Held<TargetsMetadata>>([['targets', targets]]);
  for (const role of delegatedRoles(targets.metadata)) {
    roles.set(role, must(role, parseRole(role, await required(role), targets.metadata)));
  }
  for (const [role, { metadata }] of roles) {
    if (Object.keys(metadata.signed.targets).length > 0)
      fail(`${role} of the trust folder names targets, whose files are not there`);
  }

  const files = new Map([...roles].map(([role, held]) => [`${role}.json`, held.bytes]));
  // The first snapshot and timestamp of `trust init`, when they are there, are continued: nobody sees two of one version.
  const [oldSnapshot, oldTimestamp] = [await read('snapshot'), await read('timestamp')];
  if (oldSnapshot !== undefined) must('snapshot', parseSnapshot(oldSnapshot));
  if (oldTimestamp !== undefined) must('timestamp', parseTimestamp(oldTimestamp));
  const snapshot = must(
    'snapshot',
    signSnapshot({
      roles: files,
      keys: keys('snapshot', root),
      now,
      lifetimeMs: options.snapshotLifetimeMs,
      previous: oldSnapshot,
    }),
  );
  const timestamp = must(
    'timestamp',
    signTimestamp({
      snapshot: snapshot.bytes,
      keys: keys('timestamp', root),
      now,
      lifetimeMs: options.timestampLifetimeMs,
      previous: oldTimestamp,
    }),
  );
  return {
    targets: [],
    roots: roots.map((held) => ({ version: held.metadata.signed.version, bytes: held.bytes })),
    roles: new Map(
      [...roles].map(([role, held]) => [role, { version: held.metadata.signed.version, bytes: held.bytes }]),
    ),
    snapshot,
    timestamp,
  };
}
