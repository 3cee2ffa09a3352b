/** Keeps every channel holding what the repository holds. A channel is never trusted to keep what it was given. */

import { MAX_METADATA_BYTES } from '@portcullis/policy/trust';
import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { ChannelReader, ChannelWriter } from '@portcullis/runtime/channel';
import type { DistributorMetrics } from '../metrics.js';
import type { Repository } from '../repository/repository.js';
import type { RepositoryState } from '../repository/state.js';
import { channelObjects, TIMESTAMP_KEY } from './objects.js';

/** A channel that can be written and looked at. */
export type Transport = ChannelWriter & Pick<ChannelReader, 'get'>;

/** Brings channels up to date. */
export interface Delivery {
  /**
   * Makes `state` the one to deliver and puts it on every channel, with a hint when `hint`. Returns when all channels hold
   * it or have failed, at the latest after the patience; never throws: a channel that is down gets it by reconciling.
   */
  deliver(state: RepositoryState, hint: boolean): Promise<void>;
  /**
   * Looks whether every channel holds the last delivered state, and puts it there anew where not. `deep` compares every
   * object, otherwise only the timestamp, which no channel can have without having lost or kept the rest. Never throws.
   */
  reconcile(deep: boolean): Promise<void>;
}

/** What {@link createDelivery} is told. Times in milliseconds. */
export interface DeliveryOptions {
  readonly transports: readonly Transport[];
  readonly repository: Pick<Repository, 'readTarget'>;
  readonly metrics: Pick<DistributorMetrics, 'delivered' | 'drifted'>;
  readonly log: Logger;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** For one put, get or hint; default 10 s. */
  readonly callTimeoutMs?: number;
  /** How long {@link Delivery.deliver} waits for slow channels; default 1 s. */
  readonly patienceMs?: number;
}

interface Lane {
  readonly transport: Transport;
  /** Keys whose objects are there, as far as is known. */
  readonly held: Set<string>;
  /** The timestamp that was put last, while what is held is believed. */
  stamp: Uint8Array | undefined;
  /** Work on one channel never overlaps, so an older timestamp cannot land after a newer one. */
  tail: Promise<void>;
  /** A delivery that has not begun: it will deliver whatever is the latest then, so one is enough. */
  waiting: { readonly done: Promise<void>; hint: boolean } | undefined;
}

/** Starts with nothing to deliver. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { repository, metrics, log, callTimeoutMs = 10_000, patienceMs = 1_000 } = options;
  const lanes: readonly Lane[] = options.transports.map((transport) => ({
    transport,
    held: new Set(),
    stamp: undefined,
    tail: Promise.resolve(),
    waiting: undefined,
  }));
  let latest: RepositoryState | undefined;
  const limit = (): AbortSignal => AbortSignal.any([options.signal, AbortSignal.timeout(callTimeoutMs)]);

  const forget = (lane: Lane): void => {
    lane.held.clear();
    lane.stamp = undefined;
  };

  /**
   * Whether the channel still shows the timestamp that was put last. One that does not was wiped or set back, and what
   * else was put is gone with it: a new timestamp alone would hide that, and point readers at objects that are not there.
   */
  const isAsLeft = async (lane: Lane): Promise<boolean> => {
    if (lane.stamp === undefined) return false;
    const maxBytes = MAX_METADATA_BYTES.timestamp;
    const found = await lane.transport.get(TIMESTAMP_KEY, { maxBytes, signal: limit() }).catch(() => undefined);
    return found !== undefined && Buffer.compare(found, lane.stamp) === 0;
  };

  const fill = async (lane: Lane, hint: boolean): Promise<void> => {
    if (latest === undefined) return;
    const objects = await channelObjects(repository, latest);
    if (!(await isAsLeft(lane))) forget(lane);
    for (const { key, load } of objects) {
      if (key !== TIMESTAMP_KEY && lane.held.has(key)) continue;
      const bytes = await load();
      await lane.transport.put(key, bytes, limit());
      if (key === TIMESTAMP_KEY) lane.stamp = bytes;
      else lane.held.add(key);
    }
    if (hint) await lane.transport.hint(limit());
  };

  const compare = async (lane: Lane, deep: boolean): Promise<void> => {
    if (latest === undefined) return;
    const objects = await channelObjects(repository, latest);
    for (const { key, load, maxBytes } of objects.filter((object) => deep || object.key === TIMESTAMP_KEY)) {
      let isReadable = true;
      const found = await lane.transport.get(key, { maxBytes, signal: limit() }).catch((error: unknown) => {
        // Too large to be ours is as good as gone.
        isReadable = PortcullisError.from(error).kind === 'corrupt';
        return undefined;
      });
      if (found !== undefined && Buffer.compare(found, await load()) === 0) continue;
      if (isReadable) {
        metrics.drifted(lane.transport.transport);
        log.warn(
          { [LOG_FIELD.transport]: lane.transport.transport, [LOG_FIELD.path]: key },
          'Channel drifted, publishing again',
        );
      }
      // A store that was wiped cannot even be asked; one that is down says so again when it is written to.
      forget(lane);
      return fill(lane, true);
    }
  };

  const enqueue = (lane: Lane, work: () => Promise<void>): Promise<void> => {
    const { transport } = lane.transport;
    lane.tail = lane.tail.then(work).then(
      () => metrics.delivered(transport, true),
      (error: unknown) => {
        // What was put before the failure may be gone with the connection.
        forget(lane);
        if (options.signal.aborted) return;
        metrics.delivered(transport, false);
        log.error({ [LOG_FIELD.error]: error, [LOG_FIELD.transport]: transport }, 'Channel not reached');
      },
    );
    return lane.tail;
  };

  const enqueueFill = (lane: Lane, hint: boolean): Promise<void> => {
    if (lane.waiting !== undefined) {
      lane.waiting.hint ||= hint;
      return lane.waiting.done;
    }
    const begin = (): Promise<void> => {
      const wanted = lane.waiting?.hint === true;
      lane.waiting = undefined;
      return fill(lane, wanted);
    };
    lane.waiting = { done: enqueue(lane, begin), hint };
    return lane.waiting.done;
  };

  return {
    async deliver(state, hint) {
      latest = state;
      const all = Promise.all(lanes.map((lane) => enqueueFill(lane, hint)));
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, patienceMs);
      });
      await Promise.race([all, patience]).finally(() => clearTimeout(timer));
    },
    async reconcile(deep) {
      await Promise.all(lanes.map((lane) => enqueue(lane, () => compare(lane, deep))));
    },
  };
}
