import { randomUUID } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.js';
import { ended, orEnded, oversize, unacceptable } from './faults.js';
import { requireKey, requireSubject } from './key.js';
import { createMailbox, type Mailbox } from './mailbox.js';
import type { ChannelReader, ChannelWriter } from './port.js';
import {
  type ArrivedShipment,
  requireAddress,
  type ShipmentReceiver,
  type ShipmentSender,
  type TakeShipment,
} from './shipments.js';

/** Messages that may wait for one slow receiver; older ones are dropped. */
const MAX_WAITING_MESSAGES = 10_000;

/** Shipments that are taken in at once; whoever offers one more is told to come again. */
const MAX_OFFERED = 32;

/** A channel inside one process, and what an HTTP server needs to offer it to others by long polling. */
export interface InProcessChannel extends ChannelReader, ChannelWriter {
  readonly sender: ShipmentSender;
  readonly receiver: ShipmentReceiver;
  /**
   * Hands a shipment to whoever serves, and resolves to the answer.
   * @throws PortcullisError `unavailable` when nobody serves or too much is under way; whatever the server throws.
   */
  offer(shipment: ArrivedShipment): Promise<Uint8Array>;
  /** Names the state of the last hint. Differs between two lives of a process. */
  cursor(): string;
  /** The cursor as soon as it differs from `after`, or as it is when `signal` aborts. */
  changed(after: string | undefined, signal: AbortSignal): Promise<string>;
}

/** Makes an empty channel. Bytes are copied on the way in and out. */
export function createInProcessChannel(): InProcessChannel {
  const life = randomUUID();
  const objects = new Map<string, Uint8Array>();
  const watchers = new Set<Mailbox<void>>();
  const receivers = new Map<string, Set<Mailbox<Uint8Array>>>();
  let hints = 0;
  let taker: TakeShipment | undefined;
  let offered = 0;
  let isClosed = false;

  const enter = (signal: AbortSignal): void => {
    if (signal.aborted) throw ended(signal);
    if (isClosed) throw new PortcullisError('ERR_CHANNEL_CLOSED', 'unavailable', 'channel is closed');
  };
  const cursor = (): string => `${life}.${hints}`;

  function subscribe<T>(group: Set<Mailbox<T>>, capacity: number, signal: AbortSignal): Mailbox<T> {
    const box = createMailbox<T>(capacity, signal);
    group.add(box);
    box.onEnd(() => group.delete(box));
    if (isClosed) box.end();
    return box;
  }

  const offer = async (shipment: ArrivedShipment): Promise<Uint8Array> => {
    if (taker === undefined || isClosed || offered >= MAX_OFFERED) {
      const reason = taker === undefined || isClosed ? 'nobody takes shipments in' : 'too many shipments at once';
      throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', reason);
    }
    offered += 1;
    try {
      return await taker(shipment);
    } finally {
      offered -= 1;
    }
  };

  return {
    transport: 'in-process',
    offer,
    sender: {
      async ship(shipment, accept, signal) {
        enter(signal);
        requireAddress(shipment);
        const answer = await orEnded(offer({ bytes: shipment.bytes }), signal);
        if (!accept(answer)) throw unacceptable();
      },
    },
    receiver: {
      async serve(take, signal) {
        if (signal.aborted) return;
        taker = take;
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        if (taker === take) taker = undefined;
      },
    },
    async get(key, { maxBytes, signal }) {
      enter(signal);
      requireKey(key);
      const bytes = objects.get(key);
      if (bytes !== undefined && bytes.length > maxBytes) throw oversize(key, maxBytes);
      return bytes?.slice();
    },
    async put(key, bytes, signal) {
      enter(signal);
      requireKey(key);
      objects.set(key, new Uint8Array(bytes));
    },
    async hint(signal) {
      enter(signal);
      hints += 1;
      for (const watcher of watchers) watcher.push();
    },
    watch(signal) {
      const box = subscribe(watchers, 1, signal);
      box.push();
      return box.items();
    },
    async send(subject, message, signal) {
      enter(signal);
      requireSubject(subject);
      for (const receiver of receivers.get(subject) ?? []) receiver.push(new Uint8Array(message));
    },
    receive(subject, signal) {
      requireSubject(subject);
      const group = receivers.get(subject) ?? new Set();
      receivers.set(subject, group);
      return subscribe(group, MAX_WAITING_MESSAGES, signal).items();
    },
    cursor,
    async changed(after, signal) {
      if (after !== cursor() || isClosed || signal.aborted) return cursor();
      for await (const _hint of subscribe(watchers, 1, signal).items()) break;
      return cursor();
    },
    async close() {
      isClosed = true;
      for (const watcher of watchers) watcher.end();
      for (const group of receivers.values()) for (const receiver of group) receiver.end();
    },
  };
}
