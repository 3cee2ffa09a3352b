import { randomUUID } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.js';
import { ended, oversize } from './faults.js';
import { requireKey, requireSubject } from './key.js';
import { createMailbox, type Mailbox } from './mailbox.js';
import type { ChannelReader, ChannelWriter } from './port.js';

/** Messages that may wait for one slow receiver; older ones are dropped. */
const MAX_WAITING_MESSAGES = 10_000;

/** A channel inside one process, and what an HTTP server needs to offer it to others by long polling. */
export interface InProcessChannel extends ChannelReader, ChannelWriter {
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

  return {
    transport: 'in-process',
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
