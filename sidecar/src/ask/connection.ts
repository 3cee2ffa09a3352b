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
export interface ConnectionEvents extends Pick<LinkEvents, 'heard' | 'pong' | 'answered' | 'late'> {
  /** A stream came up, as the first or in place of an older one. */
  up(): void;
  /** There is no usable stream now, and why. */
  down(end: LinkEnd, detail: string): void;
  /** Questions whose stream broke. */
  stranded(questions: readonly Question[], end: LinkEnd, detail: string): void;
  watched(report: WatchReport | undefined): void;
  /** Whatever was watched may have moved meanwhile. */
  unwatched(): void;
}

/** A connection to one PDP. */
export interface Connection {
  /** The stream for new questions, when there is one. */
  readonly link: Link | undefined;
  /** Questions in flight on the current stream and on those that drain. */
  readonly inFlight: number;
  forget(question: Question): void;
  /** Moves to a new connection, with new credentials; the old one drains. */
  renew(): void;
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
const UNANSWERED = 'no answer while connecting';
const EXPIRED = 'the certificate of the PDP has expired';
/** What a timer can hold. */
const MAX_TIMER_MS = 0x7fff_ffff;

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

/** A link and the channel it runs over; a channel outlives its links only while it is the one for new ones. */
interface Line {
  readonly client: Client;
  readonly link: Link;
}

/** Starts connecting and keeps at it until closed. */
export function openConnection(options: ConnectionOptions): Connection {
  const { config, events, now } = options;
  const limits = { maxMessageBytes: config.maxQuestionBytes };
  const backoff = createBackoff(config.reconnectMinMs, config.reconnectMaxMs);
  const draining = new Set<Line>();
  let current: Line | undefined;
  let currentSince = 0;
  let opening: Line | undefined;
  let retry: NodeJS.Timeout | undefined;
  let giveUp: NodeJS.Timeout | undefined;
  let expiry: NodeJS.Timeout | undefined;
  let closed = false;

  const connect = (): Client => {
    const made = new Client(options.target, options.credentials, channelOptions(config));
    follow(made, made.getChannel().getConnectivityState(false));
    return made;
  };
  /** Closes a channel that nothing runs over and nothing will. */
  const release = (old: Client): void => {
    const used = old === client || [opening, current, ...draining].some((line) => line?.client === old);
    if (!used) old.close();
  };
  // A server that is about to close a connection (GOAWAY) first takes the channel out of READY while the streams on it
  // go on. That is the moment to open the next one: what is in flight stays where it is and nothing fails.
  const follow = (of: Client, from: connectivityState): void => {
    if (closed || from === connectivityState.SHUTDOWN) return;
    of.getChannel().watchConnectivityState(from, Number.POSITIVE_INFINITY, () => {
      if (closed || of !== client) return;
      const settled = current?.client === of && now() - currentSince >= config.reconnectMinMs;
      if (from === connectivityState.READY && settled) open();
      follow(of, of.getChannel().getConnectivityState(false));
    });
  };
  const open = (): void => {
    if (closed || opening !== undefined) return;
    clearTimeout(retry);
    giveUp = setTimeout(hang, config.connectTimeoutMs);
    opening = { client, link: openLink({ ...options, ...limits, client, events: { ...events, up, broken } }) };
  };
  const later = (ms: number): void => {
    clearTimeout(retry);
    retry = setTimeout(open, ms);
  };
  const up = (link: Link): void => {
    if (link.validUntil <= Date.now()) {
      link.destroy('lost', EXPIRED);
      return;
    }
    clearTimeout(giveUp);
    const old = current;
    current = opening;
    opening = undefined;
    currentSince = now();
    expireWith(link);
    if (old !== undefined) {
      draining.add(old);
      old.link.drain();
      watch.restart();
    }
    events.up();
  };
  const broken = (link: Link, end: LinkEnd, detail: string, stranded: readonly Question[]): void => {
    const line = [opening, current, ...draining].find((candidate) => candidate?.link === link);
    let wait: number | undefined;
    if (line === opening) {
      clearTimeout(giveUp);
      opening = undefined;
      wait = backoff.next();
    } else if (line === current) {
      clearTimeout(expiry);
      current = undefined;
      const settled = now() - currentSince >= SETTLED_MS && end !== 'garbled';
      if (settled) backoff.reset();
      wait = settled ? 0 : backoff.next();
      events.down(end, detail);
    }
    if (line !== undefined) {
      draining.delete(line);
      if (!closed) release(line.client);
    }
    if (!closed && wait !== undefined && current === undefined && opening === undefined) later(wait);
    if (stranded.length > 0) events.stranded(stranded, end, detail);
  };
  // gRPC has no limit on how long a TCP or HTTP/2 handshake may take, and a black hole answers none of them.
  const hang = (): void => {
    const old = client;
    const reached = old.getChannel().getConnectivityState(false) === connectivityState.READY;
    if (!reached) client = connect();
    opening?.link.destroy('lost', UNANSWERED);
    if (current === undefined) events.down('lost', UNANSWERED);
    if (!reached) {
      if (current === undefined) watch.restart();
      release(old);
    }
    later(backoff.next());
  };
  // TLS looks at a certificate once; a connection would carry an expired one for as long as it lasts.
  const expireWith = (link: Link): void => {
    clearTimeout(expiry);
    if (link.validUntil === Number.POSITIVE_INFINITY) return;
    const left = Math.min(Math.max(0, link.validUntil - Date.now()), MAX_TIMER_MS);
    expiry = setTimeout(() => {
      if (Date.now() >= link.validUntil) link.destroy('lost', EXPIRED);
      else expireWith(link);
    }, left);
    expiry.unref();
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
    interrupted: () => {
      events.unwatched();
    },
  });
  open();

  return {
    get link() {
      return current?.link;
    },
    get inFlight() {
      let count = current?.link.inFlight ?? 0;
      for (const { link } of draining) count += link.inFlight;
      return count;
    },
    forget(question) {
      current?.link.forget(question);
      for (const { link } of draining) link.forget(question);
    },
    renew() {
      if (closed) return;
      const old = client;
      client = connect();
      opening?.link.destroy('closed', 'renewed');
      release(old);
      open();
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
      for (const timer of [retry, giveUp, expiry]) clearTimeout(timer);
      watch.close();
      const lines = [opening, current, ...draining];
      for (const line of lines) line?.link.destroy('closed', 'closing');
      for (const channel of new Set([client, ...lines.flatMap((line) => line?.client ?? [])])) channel.close();
    },
  };
}
