/** Brings kill lists from the channel: looks at every source by itself, so that one that hangs holds up no other. */

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  KILL_SUBJECT,
  killsRole,
  MAX_KILL_LIST_BYTES,
  MAX_METADATA_BYTES,
  metadataKey,
  parseSnapshot,
  parseTimestamp,
} from '@portcullis/policy/trust';
import { LOG_FIELD, type Logger, PortcullisError, type Task } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import { createBell } from '../bundles/bell.js';
import type { BeforeRelease } from '../bundles/bundle-client.js';
import type { ObjectSource } from '../bundles/object-source.js';
import { RefusedError } from '../bundles/refusal.js';
import type { KillSwitch } from './kill-switch.js';

/** What the looks are made of. */
export interface KillSourceOptions {
  readonly env: string;
  readonly kills: KillSwitch;
  readonly sources: readonly ChannelReader[];
  /** Time between two looks at a source when nothing hints at a change, in milliseconds. */
  readonly pollMs: number;
  readonly log: Logger;
}

/** The looks. */
export interface KillSource {
  /** Looks at all sources at once; returns when all have answered or failed, or when `signal` aborts. Never throws. */
  lookOnce(signal: AbortSignal): Promise<void>;
  /** Something may have changed. */
  hint(): void;
  readonly tasks: readonly Task[];
}

const LOOK_TIMEOUT_MS = 5_000;
/** Hints are free for whoever controls the channel; looks are not. */
const MIN_LOOK_INTERVAL_MS = 20;

/** Starts nothing by itself. */
export function createKillSource({ env, kills, sources, pollMs, log }: KillSourceOptions): KillSource {
  // One each, because a hint that comes during a look may be of what that look was too early for.
  const bells = sources.map(createBell);

  const followers = sources.map((source) => {
    let seen: string | undefined;
    let trouble: string | undefined;
    return async (signal: AbortSignal): Promise<void> => {
      try {
        const bounded = AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
        seen = await look(source, seen, bounded);
        trouble = undefined;
      } catch (error) {
        const fault = PortcullisError.from(error, 'ERR_CHANNEL_UNAVAILABLE');
        // Said once, not at every look.
        if (signal.aborted || trouble === fault.message) return;
        trouble = fault.message;
        log.warn({ [LOG_FIELD.transport]: source.transport, [LOG_FIELD.error]: fault }, 'Kill list not read');
      }
    };
  });

  /**
   * The repository's own metadata is only followed here to the newest list, and not believed: what the list is worth says
   * its signature. Returns what was seen, so that the same timestamp is not followed twice.
   */
  const look = async (
    source: ChannelReader,
    seen: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const timestampBytes = await source.get(metadataKey('timestamp', 0), {
      maxBytes: MAX_METADATA_BYTES.timestamp,
      signal,
    });
    if (timestampBytes === undefined) return undefined;
    const stamp = sha256Of(timestampBytes);
    const newest = kills.state();
    const now = `${stamp} ${newest.seq}`;
    if (now === seen) return seen;
    const timestamp = parseTimestamp(timestampBytes);
    if (!timestamp.ok) throw unreadable('timestamp');
    const { version } = timestamp.value.signed.snapshotMeta;
    const snapshotBytes = await source.get(metadataKey('snapshot', version), {
      maxBytes: MAX_METADATA_BYTES.snapshot,
      signal,
    });
    const shown = snapshotBytes === undefined ? undefined : listedIn(snapshotBytes, env);
    if (shown === undefined) return undefined;
    if (shown.version < newest.seq) {
      await passOn(source, signal);
      return now;
    }
    if (shown.sha256 !== undefined && kills.holds(shown.sha256)) return now;
    await fetchList(source, shown.version, signal);
    return `${stamp} ${kills.state().seq}`;
  };

  const fetchList = async (source: ObjectSource, version: number, signal: AbortSignal): Promise<void> => {
    const bytes = await source.get(metadataKey(killsRole(env), version), { maxBytes: MAX_KILL_LIST_BYTES, signal });
    if (bytes === undefined) throw unreadable('kill list');
    await kills.offer(bytes, 'channel');
  };

  /** What came directly while the distributor was away reaches the PDPs that were away as well. */
  const passOn = async (source: ChannelReader, signal: AbortSignal): Promise<void> => {
    for (const bytes of kills.state().lists) await source.send(KILL_SUBJECT, bytes, signal);
  };

  return {
    lookOnce: async (signal) => void (await Promise.all(followers.map((follow) => follow(signal)))),
    hint: () => {
      for (const bell of bells) bell.ring();
    },
    tasks: followers.map((follow, index) => ({
      name: `kill-list-${index + 1}`,
      run: async (signal) => {
        while (!signal.aborted) {
          await follow(signal);
          await delay(MIN_LOOK_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
          await bells[index]?.rung(pollMs, signal);
        }
      },
    })),
  };
}

/**
 * Nothing of a repository is taken whose newest kill list could not be: otherwise whoever stands between could show every
 * release and hold back every kill, for ever. So it ages as if it were silent, and the PDP denies by its freshness profile.
 */
export function requireKillList(env: string, kills: KillSwitch): BeforeRelease {
  return async (metadata, source, signal) => {
    const snapshot = metadata.get('snapshot');
    const shown = snapshot === undefined ? undefined : listedIn(snapshot, env);
    if (shown === undefined) throw new RefusedError('missing', `the snapshot lists no ${killsRole(env)}`);
    if (shown.version < kills.state().seq || (shown.sha256 !== undefined && kills.holds(shown.sha256))) return;
    const bytes = await source.get(metadataKey(killsRole(env), shown.version), {
      maxBytes: MAX_KILL_LIST_BYTES,
      signal,
    });
    if (bytes === undefined) throw new RefusedError('missing', `the kill list ${shown.version} is held back`);
    // Its signature alone says only that it was one: the list that is in force already would pass for a newer one.
    if (shown.sha256 !== undefined && sha256Of(bytes) !== shown.sha256) {
      throw new RefusedError('metadata', `the kill list ${shown.version} is not the one that the snapshot names`);
    }
    try {
      await kills.offer(bytes, 'channel');
    } catch (error) {
      const fault = PortcullisError.from(error);
      // In force all the same; it is offered again at the next look.
      if (fault.code !== 'ERR_KILL_KEEP') throw new RefusedError('metadata', fault.message, error);
    }
    if (shown.sha256 === undefined && kills.state().seq < shown.version) {
      throw new RefusedError('missing', `the kill list ${shown.version} is held back`);
    }
  };
}

function listedIn(
  snapshotBytes: Uint8Array,
  env: string,
): { readonly version: number; readonly sha256: string | undefined } | undefined {
  const snapshot = parseSnapshot(snapshotBytes);
  if (!snapshot.ok) throw unreadable('snapshot');
  const meta = snapshot.value.signed.meta[`${killsRole(env)}.json`];
  return meta === undefined ? undefined : { version: meta.version, sha256: meta.hashes?.['sha256'] };
}

function unreadable(what: string): PortcullisError {
  return new PortcullisError('ERR_CHANNEL_ANSWER', 'corrupt', `the ${what} cannot be read`);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
