/**
 * The transport port between a distributor and its PDPs: named bytes, change hints and small messages back.
 *
 * A channel is never trusted. Readers verify everything that it returns, poll besides watching, and remember on their
 * own disk what they accepted (contracts §10); so an adapter may lose, delay, repeat or reorder, but it must not block
 * for ever: every call ends by its signal.
 */

import type { ShipmentReceiver, ShipmentSender } from './shipments.js';

/** What a PDP sees of the channel. */
export interface ChannelReader {
  /** `nats`, `http` or `in-process`; for logs and metrics. */
  readonly transport: string;
  /** Where the channel also carries shipments. */
  readonly sender?: ShipmentSender;
  /**
   * Reads the newest bytes stored under `key`, or `undefined` when there are none.
   * @throws PortcullisError kind `unavailable`, `timeout`, or `corrupt` when there are more than `maxBytes`.
   */
  get(
    key: string,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<Uint8Array | undefined>;
  /**
   * Hints that something may have changed. Lossy: hints may be merged or missing, and the iterator ends without an
   * error when the connection does or when `signal` aborts; the caller starts it anew, with back-off.
   */
  watch(signal: AbortSignal): AsyncIterable<void>;
  /** Sends one small message (an acknowledgement) to whoever receives `subject`. At most once. */
  send(subject: string, message: Uint8Array, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What a distributor sees of the channel. */
export interface ChannelWriter {
  readonly transport: string;
  /** Where the channel also carries shipments. */
  readonly receiver?: ShipmentReceiver;
  /** Stores `bytes` under `key`; visible to `get` when the promise resolves. Idempotent for equal bytes. */
  put(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Hints to every watcher that something changed. Called once after a batch of puts, never between them. */
  hint(signal: AbortSignal): Promise<void>;
  /** Messages that readers sent to `subject`, as they arrive. Ends when `signal` aborts. */
  receive(subject: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
