import {
  DEFAULT_EXPIRIES,
  isKillInForce,
  type Kill,
  killsRole,
  parseTargets,
  rotateKillKeys,
  type SigningKey,
} from '@portcullis/policy/trust';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { problemFault, usageFault } from '../faults.js';
import { readKills } from '../kill/change-kills.js';
import type { KillEndpoint } from '../kill/endpoint.js';
import type { DistributorApi, Refusal } from '../release/api.js';
import { countSignatures, describeMissing, keysFor } from '../release/signatures.js';
import { readTrustedView } from '../release/trusted-view.js';

/** A folder with the new keys, and how many of them must sign. */
export interface NewKillKeys {
  readonly directory: string;
  /** All of them when absent. */
  readonly threshold?: number;
}

/** Reads `DIR` or `DIR:N`. @throws PortcullisError `ERR_CLI_USAGE`. */
export function parseNewKillKeys(text: string): NewKillKeys {
  const [, directory, threshold] = /^(.+?)(?::([1-9]\d?))?$/.exec(text) ?? [];
  if (directory === undefined) throw usageFault('--new-keys: expected DIR or DIR:THRESHOLD, found nothing');
  return { directory, ...(threshold === undefined ? {} : { threshold: Number(threshold) }) };
}

/** What a rotation needs. */
export interface RotateKillsOptions {
  readonly api: DistributorApi;
  /** Everybody who keeps lists: what any of them stops is carried over. */
  readonly endpoints: readonly KillEndpoint[];
  readonly rootBytes: Uint8Array;
  readonly env: string;
  readonly channel: string;
  /** Those of targets are picked by their ids. */
  readonly keys: readonly SigningKey[];
  readonly newKeys: readonly SigningKey[];
  readonly threshold: number;
  readonly clock: Clock;
}

/** What a rotation came to. */
export type RotatedKillKeys =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | {
      readonly outcome: 'rotated';
      readonly targetsVersion: number;
      readonly seq: number;
      readonly kills: readonly Kill[];
    };

/**
 * Replaces the keys of an environment's kill lists in one upload: the next targets, and the newest list anybody shows, signed by the
 * new keys. PDPs take lists of the old keys no more as soon as they have that targets metadata.
 * @throws PortcullisError as `readKills` and `readTrustedView`; `ERR_CLI_SIGN` when the keys of targets are too few.
 */
export async function rotateKills(options: RotateKillsOptions): Promise<RotatedKillKeys> {
  const { api, env, endpoints, rootBytes, keys, clock } = options;
  const now = clock.now();
  const view = await readTrustedView(api.readObject, { rootBytes, env, now });
  const newest = await readKills({ endpoints, rootBytes, env });
  const kept = newest.answers.find(([{ kind }]) => kind === 'distributor')?.[1];
  if (kept === undefined || kept instanceof PortcullisError) {
    throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', 'the distributor does not show its kill list');
  }
  const kills = newest.kills.filter((kill) => isKillInForce(kill, now));
  // New keys count anew for PDPs; the distributor wants the number after its own.
  const rotated = rotateKillKeys({
    targets: view.targets.bytes,
    keys: keysFor(view.root, 'targets', keys),
    env,
    newKeys: options.newKeys,
    threshold: options.threshold,
    seq: kept.seq + 1,
    kills,
    now,
    targetsLifetimeMs: DEFAULT_EXPIRIES.targets,
    listLifetimeMs: DEFAULT_EXPIRIES.kills,
  });
  if (!rotated.ok) throw problemFault('ERR_CLI_SIGN', 'the new keys were not signed', rotated.problems);
  const { targets, list } = rotated.value;
  const parsed = parseTargets(targets.bytes);
  if (!parsed.ok) throw problemFault('ERR_CLI_SIGN', 'the next targets is not metadata', parsed.problems);
  const count = countSignatures(view.root, 'targets', parsed.value);
  if (!count.complete) throw new PortcullisError('ERR_CLI_SIGN', 'invalid', describeMissing(count));
  const roles = new Map([
    ['targets', targets.bytes],
    [killsRole(env), list.bytes],
  ]);
  const refusal = await api.postRoles({ env, channel: options.channel, roles });
  if (refusal !== undefined) return { outcome: 'refused', refusal };
  return { outcome: 'rotated', targetsVersion: targets.version, seq: list.version, kills };
}
