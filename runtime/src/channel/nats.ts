import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { Logger } from '../log/logger.js';
import type { TlsMaterial } from '../tls/material.js';
import { channelFault, ended, orEnded, oversize } from './faults.js';
import { requireKey, requireSubject } from './key.js';
import { createMailbox, type Mailbox } from './mailbox.js';
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  DiscardPolicy,
  type KV,
  type NatsConnection,
  type ObjectStore,
  type StoredMsg,
} from './nats-client.js';
import { createLink, reconnectDelay } from './nats-link.js';
import { encodeObjectName, formatObjectDigest, parseStoredObject } from './nats-object.js';
import { createNatsReceiver, createNatsSender, shipmentNames } from './nats-shipments.js';
import { natsTls } from './nats-tls.js';
import type { ChannelReader, ChannelWriter } from './port.js';

/** Options of `openNatsChannel`. */
export interface NatsChannelOptions {
  /** `host:port` or `nats://host:port`; one of them is enough to find the cluster. */
  readonly servers: readonly string[];
  /** Mutual TLS with our certificate; the server must be one of `servers` by name or address. Read anew at every connection. */
  readonly tls?: TlsMaterial;
  /** A NATS credentials file (JWT and seed), read when connecting. */
  readonly credsFile?: string;
  /** Prefix of bucket and subject names; default `portcullis`. Letters, digits, `-` and `_`. */
  readonly bucketPrefix?: string;
  /** Copies of each bucket that a writer creates; default 1. */
  readonly replicas?: number;
  readonly log: Logger;
  /** A writer creates the buckets when they are missing; a reader never does. */
  readonly role: 'reader' | 'writer';
  /** Called whenever a connection is made, also the first: the server may not hold any more what it held before. */
  readonly onConnected?: () => void;
}

/** A channel over NATS, for either side. */
export interface NatsChannel extends ChannelReader, ChannelWriter {
  /** Whether the connection is up now; for health checks. */
  isConnected(): boolean;
}

/** What goes into the key-value bucket; anything larger is an object, in chunks. */
const MAX_VALUE_BYTES = 256 * 1024;
/** Messages from readers are small; larger ones are dropped unread. */
const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_WAITING_MESSAGES = 10_000;
/** One question to the server; the caller's signal usually ends it earlier. */
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** Between two subscriptions of one receiver. */
const RESUBSCRIBE_MS = 250;
/** JetStream's "stream not found", as opposed to "no message found"; both are 404. */
const STREAM_NOT_FOUND = 10_059;

async function connectionOptions(options: NatsChannelOptions): Promise<ConnectionOptions> {
  const { tls, credsFile } = options;
  return {
    servers: [...options.servers],
    name: `portcullis-${options.role}`,
    timeout: CONNECT_TIMEOUT_MS,
    // The client gives up after ten attempts and finds a half-open connection after six minutes unless told otherwise.
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectDelay,
    pingInterval: 5_000,
    maxPingOut: 2,
    ignoreAuthErrorAbort: true,
    ...(credsFile === undefined ? {} : { authenticator: credsAuthenticator(await readFile(credsFile)) }),
    ...(tls === undefined ? {} : { tls: natsTls(tls, options.servers) }),
  };
}

interface Stores {
  readonly kv: KV;
  readonly os: ObjectStore;
}

/** Names on the server. */
function namesOf(prefix: string): {
  readonly kv: string;
  readonly os: string;
  readonly hint: string;
  message(subject: string): string;
} {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix)) {
    throw new PortcullisError('ERR_CHANNEL_PREFIX', 'invalid', 'bucket prefix has characters that nats does not allow');
  }
  return {
    kv: `${prefix}-metadata`,
    os: `${prefix}-targets`,
    hint: `${prefix}.hint`,
    message: (subject) => `${prefix}.message.${subject}`,
  };
}

type Query = { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj: string };

/** The message of a stream that `query` asks for, from the stream's leader; undefined when there is none. */
async function ask(nats: NatsConnection, stream: string, query: Query): Promise<StoredMsg | undefined> {
  const manager = await nats.jetstreamManager({ checkAPI: false, timeout: REQUEST_TIMEOUT_MS });
  try {
    // The client's type leaves out `next_by_subj`, which servers have known since 2.9.
    return await manager.streams.getMessage(stream, query);
  } catch (error: unknown) {
    if (isNotFound(error) && !isMissingStream(error)) return undefined;
    throw natsFault(error);
  }
}

function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && Reflect.get(error, 'code') === '404';
}

/** True for "stream not found", which is a 404 like "no message found". */
function isMissingStream(error: unknown): boolean {
  const api: unknown = isNotFound(error) ? Reflect.get(error as object, 'api_error') : undefined;
  return typeof api === 'object' && api !== null && Reflect.get(api, 'err_code') === STREAM_NOT_FOUND;
}

function natsFault(error: unknown): PortcullisError {
  const isTimeout = typeof error === 'object' && error !== null && Reflect.get(error, 'code') === 'TIMEOUT';
  if (!isTimeout) return channelFault(error);
  return new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'timeout', 'nats did not answer in time', { cause: error });
}

/** Opens the channel. Never waits for the server: calls do, briefly, until the first connection. */
export async function openNats(options: NatsChannelOptions): Promise<NatsChannel> {
  const names = namesOf(options.bucketPrefix ?? 'portcullis');
  const link = createLink(async () => connect(await connectionOptions(options)), options.log, options.onConnected);
  const shipments = shipmentNames(options.bucketPrefix ?? 'portcullis');
  let stores: Promise<Stores> | undefined;

  const readValue = async (nats: NatsConnection, key: string, maxBytes: number): Promise<Uint8Array | undefined> => {
    const message = await ask(nats, `KV_${names.kv}`, { last_by_subj: `$KV.${names.kv}.${key}` });
    if (message === undefined || message.header.get('KV-Operation') !== '') return undefined;
    if (message.data.length > maxBytes) throw oversize(key, maxBytes);
    return message.data;
  };

  // Not the library's reader: that one creates missing buckets, follows links, has no cap and leaves a consumer behind.
  const readObject = async (
    nats: NatsConnection,
    key: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> => {
    const stream = `OBJ_${names.os}`;
    const record = await ask(nats, stream, { last_by_subj: `$O.${names.os}.M.${encodeObjectName(key)}` });
    const stored = record === undefined ? undefined : parseStoredObject(record.data);
    if (stored === undefined) return undefined;
    if (stored.size > maxBytes) throw oversize(key, maxBytes);
    const bytes = Buffer.alloc(stored.size);
    let length = 0;
    let seq = 1;
    for (let count = 0; count < stored.chunks; count += 1) {
      if (signal.aborted) throw ended(signal);
      const chunk = await ask(nats, stream, { seq, next_by_subj: `$O.${names.os}.C.${stored.nuid}` });
      if (chunk === undefined || length + chunk.data.length > stored.size) break;
      bytes.set(chunk.data, length);
      length += chunk.data.length;
      seq = chunk.seq + 1;
    }
    if (length !== stored.size || formatObjectDigest(createHash('sha256').update(bytes).digest()) !== stored.digest) {
      throw new PortcullisError('ERR_CHANNEL_OBJECT', 'corrupt', 'stored object is damaged', { details: { key } });
    }
    return bytes;
  };

  const read = async (
    nats: NatsConnection,
    key: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> => {
    const value = key.startsWith('targets/') ? undefined : await readValue(nats, key, maxBytes);
    return value ?? (await readObject(nats, key, maxBytes, signal));
  };

  const openStores = async (nats: NatsConnection): Promise<Stores> => {
    const limits = { checkAPI: false, timeout: REQUEST_TIMEOUT_MS };
    const manager = await nats.jetstreamManager(limits);
    const exists = (stream: string): Promise<boolean> =>
      manager.streams.info(stream).then(
        () => true,
        (error: unknown) => {
          if (isMissingStream(error)) return false;
          throw natsFault(error);
        },
      );
    const replicas = options.replicas ?? 1;
    if (!(await exists(`OBJ_${names.os}`))) {
      // Not by the library: it sends its own `replicas` along in the stream's configuration, and servers refuse fields
      // that they do not know from 2.12 on.
      await manager.streams.add({
        name: `OBJ_${names.os}`,
        subjects: [`$O.${names.os}.C.>`, `$O.${names.os}.M.>`],
        discard: DiscardPolicy.New,
        allow_rollup_hdrs: true,
        allow_direct: true,
        num_replicas: replicas,
      });
    }
    const { views } = nats.jetstream(limits);
    const made = { kv: await views.kv(names.kv, { history: 1, replicas }), os: await views.os(names.os) };
    return made;
  };

  const write = async (nats: NatsConnection, key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> => {
    stores ??= openStores(nats);
    const { kv, os } = await stores;
    if (!key.startsWith('targets/') && bytes.length <= MAX_VALUE_BYTES) {
      await kv.put(key, bytes);
      return;
    }
    // Rewriting equal content would pull the old chunks away from under a reader; damaged content is rewritten.
    const present = await readObject(nats, key, bytes.length, signal).catch(() => undefined);
    if (present === undefined || Buffer.compare(present, bytes) !== 0) await os.putBlob({ name: key }, bytes);
    if (!key.startsWith('targets/')) await kv.purge(key);
  };

  /** A mailbox that is fed from a subject until `signal` ends; resolved once the server knows of it. */
  const listen = async (
    nats: NatsConnection,
    subject: string,
    capacity: number,
    signal: AbortSignal,
  ): Promise<Mailbox<Uint8Array>> => {
    const box = createMailbox<Uint8Array>(capacity, signal);
    const subscription = nats.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) box.end();
        else if (message.data.length <= MAX_MESSAGE_BYTES) box.push(message.data);
      },
    });
    box.onEnd(() => {
      if (!nats.isClosed()) subscription.unsubscribe();
    });
    await orEnded(nats.flush(), signal);
    return box;
  };

  async function* watch(signal: AbortSignal): AsyncGenerator<void> {
    let box: Mailbox<Uint8Array>;
    try {
      const { nats, lost } = await link.up(signal);
      box = await listen(nats, names.hint, 1, AbortSignal.any([signal, lost]));
    } catch {
      return;
    }
    // From here on nothing is missed; whatever changed before is covered by one hint now.
    box.push(new Uint8Array());
    for await (const _hint of box.items()) yield;
  }

  async function* receive(subject: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    requireSubject(subject);
    while (!signal.aborted && !link.closing.aborted) {
      try {
        const { nats, lost } = await link.up(signal);
        yield* (
          await listen(nats, names.message(subject), MAX_WAITING_MESSAGES, AbortSignal.any([signal, lost]))
        ).items();
      } catch {
        // Ended by its signal, or the connection went: the loop's condition and `up` tell which.
      }
      await delay(RESUBSCRIBE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One call, with whatever the library throws made a fault of the channel. */
  const call = async <T>(
    signal: AbortSignal,
    work: (nats: NatsConnection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    try {
      return await link.use(signal, work);
    } catch (error: unknown) {
      throw channelFault(error, signal);
    }
  };

  const publish = (subject: string, data: Uint8Array, signal: AbortSignal): Promise<void> =>
    call(signal, (nats) => {
      nats.publish(subject, data);
      return nats.flush();
    });

  return {
    transport: 'nats',
    isConnected: () => link.current() !== undefined,
    async get(key, { maxBytes, signal }) {
      requireKey(key);
      return call(signal, (nats, either) => read(nats, key, maxBytes, either));
    },
    async put(key, bytes, signal) {
      requireKey(key);
      await call(signal, async (nats, either) => {
        const attempt = (): Promise<void> => write(nats, key, bytes, either);
        try {
          await attempt().catch((error: unknown) => {
            stores = undefined;
            if (either.aborted) throw error;
            // The server may have been wiped: with the buckets made anew the second attempt succeeds.
            return attempt();
          });
        } catch (error: unknown) {
          stores = undefined;
          throw natsFault(error);
        }
      });
    },
    hint: (signal) => publish(names.hint, new Uint8Array(), signal),
    watch,
    async send(subject, message, signal) {
      requireSubject(subject);
      if (message.length > MAX_MESSAGE_BYTES) throw oversize(subject, MAX_MESSAGE_BYTES);
      await publish(names.message(subject), message, signal);
    },
    receive,
    sender: createNatsSender(link, shipments),
    receiver: createNatsReceiver(link, shipments, { replicas: options.replicas ?? 1, log: options.log }),
    close: () => link.close(),
  };
}
