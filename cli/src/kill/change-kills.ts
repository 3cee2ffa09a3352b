/** Changes the kill list: reads the newest from everybody, signs the next, and hands it to everybody at once. */

import {
  isKillInForce,
  type Kill,
  type KillList,
  killsRole,
  openKillList,
  openTrustedRoot,
  parseTargets,
  type SigningKey,
  signersOf,
  signKillList,
  type TargetsMetadata,
  verifyRole,
} from '@portcullis/policy/trust';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { problemFault } from '../faults.js';
import type { KillEndpoint, KillReport } from './endpoint.js';

/** The newest list that anybody shows, verified. */
export interface NewestKills extends KillList {
  readonly targets: TargetsMetadata;
  /** What each keeper said; an error for one that did not. */
  readonly answers: readonly (readonly [KillEndpoint, KillReport | PortcullisError])[];
}

/** What {@link readKills} needs. */
export interface KillReading {
  readonly endpoints: readonly KillEndpoint[];
  /** The pinned root's exact bytes, or those of a newer one that was verified from it. */
  readonly rootBytes: Uint8Array;
  readonly env: string;
}

const MAX_ATTEMPTS = 5;
const YEAR_MS = 365 * 86_400_000;

/**
 * Reads the newest list. Several of one `seq` are united, as PDPs do. One keeper that answers is enough.
 * @throws PortcullisError `ERR_CLI_UNREACHABLE` when nobody answers, `ERR_CLI_TRUST` when nothing that is shown verifies.
 */
export async function readKills({ endpoints, rootBytes, env }: KillReading): Promise<NewestKills> {
  const answers = await Promise.all(
    endpoints.map(async (endpoint) => {
      const answer = await endpoint.read().catch((error: unknown) => PortcullisError.from(error));
      return [endpoint, answer] as const;
    }),
  );
  const reports = answers.flatMap(([, answer]) => (answer instanceof PortcullisError ? [] : [answer]));
  if (reports.length === 0) {
    const why = answers.map(([, answer]) => (answer instanceof PortcullisError ? `\n  ${answer.message}` : ''));
    throw new PortcullisError(
      'ERR_CLI_UNREACHABLE',
      'unavailable',
      `nobody that keeps kill lists answers:${why.join('')}`,
    );
  }
  const targets = newestTargets(reports, rootBytes);
  if (targets === undefined) throw untrusted('no answer carries metadata that the pinned root vouches for');
  const lists = reports.flatMap((report) =>
    report.lists.flatMap((bytes) => {
      const list = openKillList(bytes, targets, env);
      return list.ok ? [list.value] : [];
    }),
  );
  // Every repository begins with an empty list: none at all is somebody who leaves them out.
  if (lists.length === 0) throw untrusted(`no answer carries a kill list that the keys of ${killsRole(env)} signed`);
  const seq = Math.max(...lists.map((list) => list.seq));
  const kills = lists.filter((list) => list.seq === seq).flatMap((list) => list.kills);
  return {
    env,
    seq,
    kills: [...new Map(kills.map((kill) => [JSON.stringify(kill), kill])).values()],
    targets,
    answers,
  };
}

function newestTargets(reports: readonly KillReport[], rootBytes: Uint8Array): TargetsMetadata | undefined {
  const root = openTrustedRoot(rootBytes);
  if (!root.ok) throw problemFault('ERR_CLI_TRUST', '--root cannot be trusted', root.problems);
  return reports
    .flatMap(({ targets }) => {
      const read = targets === undefined ? undefined : parseTargets(targets);
      return read?.ok === true && verifyRole(root.value, 'targets', read.value).ok ? [read.value] : [];
    })
    .toSorted((a, b) => b.signed.version - a.signed.version)[0];
}

/** What {@link changeKills} needs. */
export interface KillChange extends KillReading {
  readonly keys: readonly SigningKey[];
  readonly clock: Clock;
  /**
   * The kills to be, from those that are in force. Asked again when another list came in between, on top of which some
   * may have taken this change already. @throws PortcullisError when that cannot be.
   */
  readonly change: (kills: readonly Kill[]) => readonly Kill[];
}

/** What became of a change. */
export interface KillResult {
  readonly list: KillList;
  readonly taken: readonly KillEndpoint[];
  /** Who did not take it, and why. */
  readonly missing: readonly (readonly [KillEndpoint, PortcullisError])[];
}

/**
 * Signs and hands over. When another operator's list comes in between, it is done again on top of that one.
 * @throws PortcullisError as `readKills`; `ERR_CLI_KILL` when the keys are not those that may sign, or when others keep
 * coming in between.
 */
export async function changeKills(options: KillChange): Promise<KillResult> {
  const { endpoints, env, clock } = options;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const newest = await readKills(options);
    const now = clock.now();
    const kills = options.change(newest.kills.filter((kill) => isKillInForce(kill, now)));
    const keys = keysOf(newest.targets, env, options.keys);
    const list: KillList = { env, seq: newest.seq + 1, kills };
    const signed = signKillList({ ...list, keys, now, lifetimeMs: YEAR_MS });
    if (!signed.ok) throw problemFault('ERR_CLI_KILL', 'the kill list cannot be signed', signed.problems);
    const { bytes } = signed.value;
    const outcomes = await Promise.all(
      endpoints.map(async (endpoint) => {
        const outcome = await endpoint.put(bytes).catch((error: unknown) => PortcullisError.from(error));
        return [endpoint, outcome] as const;
      }),
    );
    if (outcomes.some(([, outcome]) => outcome === 'conflict')) continue;
    return {
      list,
      taken: outcomes.flatMap(([endpoint, outcome]) => (outcome === 'taken' ? [endpoint] : [])),
      missing: outcomes.flatMap(([endpoint, outcome]) =>
        outcome instanceof PortcullisError ? [[endpoint, outcome] as const] : [],
      ),
    };
  }
  throw new PortcullisError('ERR_CLI_KILL', 'conflict', 'other kill lists keep coming in between: try again');
}

function keysOf(targets: TargetsMetadata, env: string, keys: readonly SigningKey[]): readonly SigningKey[] {
  const { keyIds, threshold } = signersOf(targets, killsRole(env));
  const admitted = keys.filter(({ keyId }) => keyIds.includes(keyId));
  if (admitted.length >= threshold) return admitted;
  throw new PortcullisError(
    'ERR_CLI_KILL',
    'invalid',
    `--keys: ${admitted.length} of the ${threshold} keys are there that ${killsRole(env)} asks for`,
  );
}

function untrusted(message: string): PortcullisError {
  return new PortcullisError('ERR_CLI_TRUST', 'corrupt', message);
}
