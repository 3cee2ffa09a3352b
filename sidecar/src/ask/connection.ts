/**
 * Keeps one Decide stream to one PDP alive: connects, replaces the stream before an old connection is closed under it,
 * gives up on connections that hang, and follows the PDP's epochs beside it.
 */

import { type ChannelCredentials, type ChannelOptions, Client, connectivityState, Metadata } from '@grpc/grpc-js';
import type { WatchReport } from '@portcullis/proto';
import { createBackoff } from './backoff.js';
import type { PdpConfig } from './config.js';
import { type Link, type LinkEnd, type LinkEvents, openLink } from './link.js';
import type { Question } from './question.js';
import { type EpochWatch, watchEpochs } from './watch.js';
import type { Wire } from './wire.js';

/** What a connection reports. None of these may throw. */
export interface ConnectionEvents extends Pick<LinkEvents, 'heard' | 'pong' | 'answered'> {
  /** A stream came up, as the first or in place of an older one. */
  up(): void;
  /** There is no usable stream now, and why. */
  down(end: LinkEnd, detail: string): void;
  /** Questions whose stream broke. */
  stranded(questions: readonly Question[], end: LinkEnd, detail: string): void;
  watched(report: WatchReport | undefined): void;
}

/** A connection to one PDP. */
export interface Connection {
  /** The stream for new questions, when there is one. */
  readonly link: Link | undefined;
  /** Questions in flight on the current stream and on those that drain. */
  readonly inFlight: number;
  forget(question: Question): void;
  /** Sends one encoded unary request. Rejects with the gRPC error, or when the deadline passes. */
  unary(path: string, request: Buffer, deadlineMs: number): Promise<Buffer>;
  close(): void;
}

/** What a connection needs. */
export interface ConnectionOptions {
  /** `host:port`. */
  readonly target: string;
  readonly config: PdpConfig;
  readonly credentials: ChannelCredentials;
  readonly wire: Wire;
  readonly events: ConnectionEvents;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly nextId: () => number;
}

/** A stream that broke younger than this says nothing good about the next one: wait before it. */
const SETTLED_MS = 1000;
/** Growth limit of the wait after a hung connection: grpc-js cannot take back its socket, so each may cost one. */
const MAX_WAIT_AFTER_HANG_MS = 5000;

const identity = (bytes: Buffer): Buffer => bytes;

function channelOptions(config: PdpConfig): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': config.keepaliveMs,
    'grpc.keepalive_timeout_ms': config.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': config.reconnectMinMs,
    'grpc.max_reconnect_backoff_ms': config.reconnectMaxMs,
    'grpc.max_send_message_length': config.maxQuestionBytes,
    'grpc.max_receive_message_length': config.maxReplyBytes,
    // Retries and balancing are per question and ours; those of gRPC are per call and would cover the whole stream.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    // A proxy named by the environment has no business between a sidecar and its PDP.
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
  };
}

/** Starts connecting and keeps at it until closed. */
export function openConnection(options: ConnectionOptions): Connection {
  const { config, events, now } = options;
  const backoff = createBackoff(config.reconnectMinMs, config.reconnectMaxMs);
  const hangs = createBackoff(config.reconnectMinMs, Math.max(config.reconnectMaxMs, MAX_WAIT_AFTER_HANG_MS));
  const draining = new Set<Link>();
  let current: Link | undefined;
  let currentSince = 0;
  let opening: Link | undefined;
  let retry: NodeJS.Timeout | undefined;
  let giveUp: NodeJS.Timeout | undefined;
  let closed = false;

  const connect = (): Client => {
    const client = new Client(options.target, options.credentials, channelOptions(config));
    follow(client, client.getChannel().getConnectivityState(false));
    return client;
  };
  // A server that is about to close a connection (GOAWAY) first takes the channel out of READY while the streams on it
  // go on. That is the moment to open the next one: what is in flight stays where it is and nothing fails.
  const follow = (of: Client, from: connectivityState): void => {
    if (closed || from === connectivityState.SHUTDOWN) return;
    of.getChannel().watchConnectivityState(from, Number.POSITIVE_INFINITY, () => {
      if (closed || of !== client) return;
      const to = of.getChannel().getConnectivityState(false);
      if (from === connectivityState.READY && current !== undefined && now() - currentSince >= config.reconnectMinMs)
        open();
      follow(of, to);
    });
  };
  const open = (): void => {
    if (closed || opening !== undefined) return;
    clearTimeout(retry);
    retry = undefined;
    giveUp = setTimeout(hang, config.connectTimeoutMs);
    opening = openLink({ ...options, client, events: { ...events, up, broken } });
  };
  const later = (ms: number): void => {
    clearTimeout(retry);
    retry = setTimeout(open, ms);
  };
  const up = (link: Link): void => {
    clearTimeout(giveUp);
    opening = undefined;
    const old = current;
    current = link;
    currentSince = now();
    hangs.reset();
    if (old !== undefined) {
      draining.add(old);
      old.drain();
      watch.restart();
    }
    events.up();
  };
  const broken = (link: Link, end: LinkEnd, detail: string, stranded: readonly Question[]): void => {
    draining.delete(link);
    let wait: number | undefined;
    if (link === opening) {
      clearTimeout(giveUp);
      opening = undefined;
      wait = backoff.next();
    } else if (link === current) {
      current = undefined;
      const settled = now() - currentSince >= SETTLED_MS && end !== 'garbled';
      if (settled) backoff.reset();
      wait = settled ? 0 : backoff.next();
      events.down(end, detail);
    }
    if (!closed && wait !== undefined && current === undefined && opening === undefined) later(wait);
    if (stranded.length > 0) events.stranded(stranded, end, detail);
  };
  // gRPC has no limit on how long a TCP, TLS or HTTP/2 handshake may take, and a black hole answers none of them.
  const hang = (): void => {
    const wait = hangs.next();
    opening?.destroy('lost', 'no answer while connecting');
    if (current === undefined && client.getChannel().getConnectivityState(false) !== connectivityState.READY) {
      const old = client;
      client = connect();
      watch.restart();
      old.close();
    }
    if (current === undefined) later(wait);
  };

  let client: Client = connect();
  const watch: EpochWatch = watchEpochs({
    client: () => client,
    wire: options.wire,
    config,
    report: (report) => {
      events.watched(report);
    },
    lost: () => {
      events.watched(undefined);
    },
  });
  open();

  return {
    get link() {
      return current;
    },
    get inFlight() {
      let count = current?.inFlight ?? 0;
      for (const link of draining) count += link.inFlight;
      return count;
    },
    forget(question) {
      current?.forget(question);
      for (const link of draining) link.forget(question);
    },
    unary(path, request, deadlineMs) {
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          identity,
          identity,
          request,
          new Metadata(),
          { deadline: Date.now() + deadlineMs },
          (error, response) => {
            if (error === null && response !== undefined) resolve(response);
            else reject(error ?? new Error('empty response'));
          },
        );
      });
    },
    close() {
      closed = true;
      clearTimeout(retry);
      clearTimeout(giveUp);
      watch.close();
      for (const link of [opening, current, ...draining]) link?.destroy('closed', 'closing');
      client.close();
    },
  };
}
