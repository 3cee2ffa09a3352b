/**
 * The kill switch of one PDP (ADR-0018): takes signed lists from wherever they come, and stops what they name.
 *
 * What a list stops is stopped in the turn in which its signature was checked. What it lifts is lifted only once that is
 * recorded and on disk: a fault in between leaves too much stopped, never too little.
 */

import { createHash } from 'node:crypto';
import type { KillEntry } from '@portcullis/policy/evidence';
import type { CanonicalRequest, Checked, DenyReason } from '@portcullis/policy/model';
import {
  type Kill,
  type KillList,
  killsRole,
  MAX_KILL_SEQ,
  openKillList,
  readKillList,
  scopeText,
  signersOf,
} from '@portcullis/policy/trust';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { TrustedTargets } from '../bundles/bundle-client.js';
import type { EpochCounter } from '../epochs/epochs.js';
import type { KillFile } from './kill-file.js';
import { type FindKill, indexKills } from './kill-index.js';

/** How a list reached the PDP. */
export const KILL_PATHS = ['direct', 'channel'] as const;
/** How a list reached the PDP. */
export type KillPath = (typeof KILL_PATHS)[number];
/** What became of a list that was offered. */
export const KILL_OUTCOMES = ['applied', 'known', 'refused', 'failed'] as const;
/** What became of a list that was offered. */
export type KillOutcome = (typeof KILL_OUTCOMES)[number];

/** Who counts lists. */
export interface KillObserver {
  killList(path: KillPath, outcome: KillOutcome): void;
}

/** What is in force. */
export interface KillState {
  /** Of the newest list; 0 before the first. */
  readonly seq: number;
  /** Exact bytes of the newest list; several when different lists of one `seq` were seen, whose kills are united. */
  readonly lists: readonly Uint8Array[];
  readonly kills: readonly Kill[];
}

/** The switch. */
export interface KillSwitch {
  /** Why the request is stopped, or `undefined`. */
  stops(request: CanonicalRequest): DenyReason | undefined;
  /**
   * Takes a list. Its kills are in force when the call returns its promise; that resolves once the list is on disk and
   * recorded, to `known` for one that was so already.
   * @throws PortcullisError `ERR_KILL_REFUSED` (`invalid`) for a list that its keys did not sign, `ERR_KILL_SEQ`
   * (`conflict`) for one older than the newest, `ERR_KILL_TRUST` (`unavailable`) before there is trusted metadata,
   * `ERR_KILL_KEEP` (`unavailable`) when it is in force but could not be kept or recorded: offer it again.
   */
  offer(bytes: Uint8Array, path: KillPath): Promise<'applied' | 'known'>;
  /** Whether these very bytes are the newest list, by their lower-case hex SHA-256. */
  holds(sha256: string): boolean;
  state(): KillState;
  /** Moves at every change of what is in force. */
  readonly epoch: EpochCounter;
}

/** What the switch is made of. */
export interface KillSwitchOptions {
  readonly env: string;
  readonly file: KillFile;
  /** The targets metadata that delegates to the keys of the list; `undefined` before any was verified. */
  readonly trusted: () => TrustedTargets | undefined;
  /** Records what was stopped and lifted; `undefined` when nothing is recorded. */
  readonly record: ((entry: KillEntry) => Promise<void>) | undefined;
  readonly observer: KillObserver;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Held {
  readonly list: KillList;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/**
 * Goes on with what is on disk.
 * @throws PortcullisError `ERR_KILL_STATE` when that cannot be believed.
 */
export async function openKillSwitch(options: KillSwitchOptions): Promise<KillSwitch> {
  const { env, file, observer, clock, log } = options;
  const kept = await file.read();
  const restored = (lists: readonly Uint8Array[] = []): readonly Held[] =>
    lists.map((bytes) => heldOf(must(readKillList(bytes, env), 'ERR_KILL_STATE', 'corrupt'), bytes));
  let signers = kept?.signers;
  let newest = restored(kept?.lists);
  /** Lists of which some kills are lifted, and that is not recorded yet. */
  let lingering = restored(kept?.lingering);
  let unrecorded: KillEntry[] = [];
  let isKept = newest.length === 0;
  let find: FindKill = () => undefined;
  let epoch = 0;
  const listeners = new Set<() => void>();
  let tail: Promise<unknown> = Promise.resolve();

  const seq = (): number => newest[0]?.list.seq ?? 0;
  const inForce = (): readonly Kill[] => union([...newest, ...lingering]);
  const enforce = (): void => {
    find = indexKills(inForce());
    // The number of the list, so that PDPs agree; one more where that would not move: two lists of one seq, or new keys.
    epoch = Math.min(MAX_KILL_SEQ, Math.max(seq(), epoch + 1));
    for (const listener of listeners) listener();
  };

  const keep = async (): Promise<void> => {
    if (isKept || signers === undefined) return;
    const [lists, over] = [newest, lingering];
    const write = (rest: readonly Held[]): Promise<void> =>
      file.write({ signers: signers ?? '', lists: lists.map(bytesOf), lingering: rest.map(bytesOf) });
    await write(over);
    for (let next = unrecorded[0]; next !== undefined; next = unrecorded[0]) {
      await options.record?.(next);
      unrecorded = unrecorded.slice(1);
    }
    if (over.length > 0) await write([]);
    // A list that came meanwhile has work of its own in the queue.
    if (newest !== lists) return;
    lingering = [];
    isKept = true;
    if (over.length > 0) enforce();
  };

  const entry = (event: KillEntry['event'], kill: Kill, list: Held, path: KillEntry['path']): KillEntry => ({
    kind: 'kill',
    event,
    kill_id: kill.id,
    scope: scopeText(kill.scope),
    reason: kill.reason,
    actor: kill.actor,
    ...(kill.expires === undefined ? {} : { expires: kill.expires }),
    list_seq: list.list.seq,
    list_digest: list.sha256,
    path,
    at: new Date(clock.now()).toISOString(),
  });

  const take = (bytes: Uint8Array, path: KillPath): 'applied' | 'known' => {
    const trusted = options.trusted();
    if (trusted === undefined) {
      throw new PortcullisError(
        'ERR_KILL_TRUST',
        'unavailable',
        'no trusted metadata says yet who may sign kill lists',
      );
    }
    const list = must(openKillList(bytes, trusted.metadata, env), 'ERR_KILL_REFUSED', 'invalid');
    const now = signersDigest(trusted, env);
    const offered = heldOf(list, bytes);
    if (newest.some(({ sha256 }) => sha256 === offered.sha256)) return 'known';
    // New keys end the numbers of the old: that is how a stolen key that used them up is recovered from.
    if (now === signers && list.seq < seq()) {
      throw new PortcullisError('ERR_KILL_SEQ', 'conflict', `kill list ${list.seq} is older than the newest, ${seq()}`);
    }
    const before = inForce();
    const over = [...lingering, ...newest];
    newest = now === signers && list.seq === seq() ? [...newest, offered] : [offered];
    signers = now;
    isKept = false;
    const after = union(newest);
    const applied = without(after, before);
    const lifted = without(before, after);
    lingering = over.filter((held) => without(held.list.kills, after).length > 0);
    unrecorded = [
      ...unrecorded,
      ...applied.map((kill) => entry('applied', kill, offered, path)),
      ...lifted.map((kill) => entry('lifted', kill, offered, path)),
    ];
    enforce();
    log.warn(
      {
        [LOG_FIELD.details]: {
          seq: list.seq,
          path,
          applied: applied.map(({ id, scope }) => `${id}: ${scopeText(scope)}`),
          lifted: lifted.map(({ id, scope }) => `${id}: ${scopeText(scope)}`),
        },
      },
      'Kill list taken',
    );
    return 'applied';
  };

  const goOn = (latest: Held): void => {
    const kills = union(newest);
    unrecorded = [
      ...kills.map((kill) => entry('restored', kill, latest, 'disk')),
      ...without(inForce(), kills).map((kill) => entry('lifted', kill, latest, 'disk')),
    ];
    enforce();
    tail = keep().catch((error: unknown) => log.error({ [LOG_FIELD.error]: error }, 'Kill lists not recorded'));
  };
  const [latest] = newest;
  if (latest !== undefined) goOn(latest);
  return {
    stops: (request) => find(request, clock.now()),
    async offer(bytes, path) {
      let outcome: 'applied' | 'known';
      try {
        outcome = take(bytes, path);
      } catch (error) {
        observer.killList(path, 'refused');
        throw error;
      }
      const kept = tail.then(keep);
      tail = kept.catch(() => undefined);
      try {
        await kept;
      } catch (cause) {
        observer.killList(path, 'failed');
        throw new PortcullisError('ERR_KILL_KEEP', 'unavailable', 'the kill list is in force, but could not be kept', {
          cause,
        });
      }
      observer.killList(path, outcome);
      return outcome;
    },
    holds: (sha256) => isKept && newest.some((held) => held.sha256 === sha256),
    epoch: {
      current: () => epoch,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    state: () => ({ seq: seq(), lists: newest.map(bytesOf), kills: inForce() }),
  };
}

function heldOf(list: KillList, bytes: Uint8Array): Held {
  return { list, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function bytesOf({ bytes }: Held): Uint8Array {
  return bytes;
}

function union(lists: readonly Held[]): readonly Kill[] {
  return [...new Map(lists.flatMap(({ list }) => list.kills.map((kill) => [sameAs(kill), kill] as const))).values()];
}

function without(kills: readonly Kill[], others: readonly Kill[]): readonly Kill[] {
  const known = new Set(others.map(sameAs));
  return kills.filter((kill) => !known.has(sameAs(kill)));
}

/** An id alone does not say what is stopped: whoever signs may give it out twice. */
function sameAs({ id, scope, expires }: Kill): string {
  return JSON.stringify([id, scopeText(scope), expires]);
}

function signersDigest({ metadata }: TrustedTargets, env: string): string {
  const { keyIds, threshold } = signersOf(metadata, killsRole(env));
  return createHash('sha256')
    .update(JSON.stringify([threshold, ...[...keyIds].sort()]))
    .digest('hex');
}

function must<T>(checked: Checked<T>, code: string, kind: 'corrupt' | 'invalid'): T {
  if (checked.ok) return checked.value;
  throw new PortcullisError(code, kind, checked.problems[0]?.message ?? 'not a kill list', {
    details: { problems: checked.problems },
  });
}
