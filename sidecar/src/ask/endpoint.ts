/** One PDP as the dispatcher sees it: can it take a question, how slow and how loaded is it, is an answer overdue. */

import type { ChannelCredentials } from '@grpc/grpc-js';
import type { WatchReport } from '@portcullis/proto';
import type { Candidate } from './choose.js';
import type { PdpConfig } from './config.js';
import { openConnection } from './connection.js';
import { createLatency } from './latency.js';
import type { LinkEnd, LinkReply } from './link.js';
import type { EndpointState } from './observer.js';
import type { Question } from './question.js';
import type { Wire } from './wire.js';

/** What an endpoint reports. None of these may throw. */
export interface EndpointEvents {
  /** Questions can be sent (again). */
  available(endpoint: Endpoint): void;
  /** The first answer of this PDP to a question that is in flight here. */
  answered(endpoint: Endpoint, question: Question, reply: LinkReply): void;
  /** Questions in flight that this PDP will not answer. */
  stranded(endpoint: Endpoint, questions: readonly Question[], end: LinkEnd, detail: string): void;
  /** The stream for questions is gone, and why. */
  lost(endpoint: Endpoint, end: LinkEnd, detail: string): void;
  stateChanged(endpoint: Endpoint, state: EndpointState): void;
  watched(endpoint: Endpoint, report: WatchReport): void;
  /** Its watch was interrupted: what it said may be out of date. */
  unwatched(endpoint: Endpoint): void;
}

/** One PDP. */
export interface Endpoint {
  /** `host:port`, as configured. */
  readonly name: string;
  readonly state: EndpointState;
  /** Whether a question can be sent now. */
  readonly available: boolean;
  /** What the choice is made on, as of `now`. */
  candidate(now: number): EndpointCandidate;
  /** Whether it answered a question, well or badly, after `time`, monotonic milliseconds. */
  answeredSince(time: number): boolean;
  /** Whether it decided anything, and in time, after `time`, monotonic milliseconds. */
  decidedSince(time: number): boolean;
  /** Whether it decided anything, if only too late, after `time`, monotonic milliseconds. */
  aliveSince(time: number): boolean;
  /** Whether nothing at all was heard from it since `time`, monotonic milliseconds. */
  silentSince(time: number): boolean;
  /** Sends a question. Only when `available`. */
  send(question: Question): void;
  /** Stops waiting for an answer to `question`. */
  forget(question: Question): void;
  /** Sends a Ping, unless one is unanswered. */
  nudge(): void;
  /** An answer is missing after `ms`: suspect, and probed, until anything is heard. */
  overdue(ms: number): void;
  /** It answered with a decision that is one, and in time. */
  decided(): void;
  /** It answered, and badly: counts as slow in the next choices. */
  penalise(): void;
  /** True when a Ping is answered within `ms`, which includes that a stream comes up. Never rejects. */
  probe(ms: number): Promise<boolean>;
  /** Moves to a new connection without losing a question; for new credentials. */
  renew(): void;
  /** Calls Settle with an encoded batch; the encoded response. Rejects on failure or deadline. */
  settle(batch: Buffer): Promise<Buffer>;
  close(): void;
}

/** An endpoint with what speaks for and against it. */
export interface EndpointCandidate extends Candidate {
  readonly endpoint: Endpoint;
}

/** What an endpoint needs. */
export interface EndpointOptions {
  readonly name: string;
  readonly config: PdpConfig;
  readonly credentials: ChannelCredentials;
  readonly wire: Wire;
  readonly events: EndpointEvents;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Ids for questions and pings, shared by all endpoints. */
  readonly nextId: () => number;
}

/** How fast a bad latency sample is forgotten. */
const LATENCY_DECAY_MS = 1000;

/** Starts connecting to one PDP. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const { name, config, wire, events, now } = options;
  const latency = createLatency(LATENCY_DECAY_MS);
  /** Later than the deadline is no worse than the deadline, and would only keep a PDP out for longer. */
  const sample = (ms: number): void => {
    latency.observe(Math.min(ms, config.deadlineMs), now());
  };
  const probes = new Set<() => void>();
  let suspect = false;
  let serving = false;
  let heardAt = Number.NEGATIVE_INFINITY;
  let answeredAt = Number.NEGATIVE_INFINITY;
  let decidedAt = Number.NEGATIVE_INFINITY;
  let lateAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  let state: EndpointState = 'connecting';

  const update = (): void => {
    const next: EndpointState = closed
      ? 'closed'
      : connection.link === undefined
        ? 'connecting'
        : suspect
          ? 'suspect'
          : 'up';
    if (next === state) return;
    state = next;
    events.stateChanged(endpoint, next);
  };

  const connection = openConnection({
    ...options,
    target: name,
    events: {
      up() {
        suspect = false;
        update();
        events.available(endpoint);
      },
      down(end, detail) {
        suspect = false;
        if (!closed) events.lost(endpoint, end, detail);
        update();
      },
      heard() {
        heardAt = now();
        if (suspect) {
          suspect = false;
          update();
        }
      },
      pong(_link, _id, ms) {
        sample(ms);
        for (const done of probes) done();
        probes.clear();
      },
      answered(_link, question, reply, ms) {
        sample(ms);
        answeredAt = now();
        events.answered(endpoint, question, reply);
      },
      late() {
        lateAt = now();
      },
      stranded(questions, end, detail) {
        events.stranded(endpoint, questions, end, detail);
      },
      watched(report) {
        serving = report !== undefined && report.epochs.release_seq >= 1 && report.freshness !== 'expired';
        if (report !== undefined) events.watched(endpoint, report);
      },
      unwatched() {
        events.unwatched(endpoint);
      },
    },
  });

  const endpoint: Endpoint = {
    name,
    get state() {
      return state;
    },
    get available() {
      return connection.link !== undefined;
    },
    candidate(at) {
      const rank = suspect ? 2 : serving ? 0 : 1;
      // It is no faster than the question that still waits: without this, a PDP that stops answering looks ever better.
      const waiting = at - (connection.link?.oldestAt ?? at);
      return { endpoint, rank, inFlight: connection.inFlight, latencyMs: Math.max(latency.at(at), waiting) };
    },
    answeredSince(time) {
      return answeredAt > time;
    },
    decidedSince(time) {
      return decidedAt > time;
    },
    aliveSince(time) {
      return decidedAt > time || lateAt > time;
    },
    silentSince(time) {
      return heardAt < time;
    },
    send(question) {
      connection.link?.send(question);
    },
    forget(question) {
      connection.forget(question);
    },
    nudge() {
      connection.link?.ping();
    },
    overdue(ms) {
      sample(ms);
      if (suspect || connection.link === undefined) return;
      suspect = true;
      connection.link.ping();
      update();
    },
    decided() {
      decidedAt = now();
    },
    penalise() {
      sample(config.deadlineMs);
    },
    probe(ms) {
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(() => {
          probes.delete(done);
          resolve(false);
        }, ms);
        probes.add(done);
        connection.link?.ping();
      });
    },
    settle(batch) {
      return connection.unary(wire.settlePath, batch, config.settle.deadlineMs);
    },
    renew() {
      connection.renew();
    },
    close() {
      closed = true;
      connection.close();
      update();
    },
  };
  return endpoint;
}
