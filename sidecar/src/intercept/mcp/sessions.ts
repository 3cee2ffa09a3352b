/**
 * What must be remembered between HTTP exchanges: which requests of a session are being answered, and which requests of
 * the server were delivered and may be answered. Bounded; what was forgotten is refused.
 */

import type { CanonicalRequest } from '@portcullis/policy/model';
import type { Permit } from '../../enforce/permit.js';
import { createArrivals } from './arrivals.js';
import { createSeenTools, type SeenTools } from './definitions/seen-tools.js';
import { idKey, type RpcId } from './message.js';

/** Most sessions remembered; the one that was used longest ago goes first. */
export const MAX_SESSIONS = 4096;
/** Most unanswered messages per session and direction. */
export const MAX_OPEN = 1024;

/** Longest time that what an agent says waits for a stream that it opened before. */
export const OPENING_MS = 500;

/** A request of the server that the agent may answer. */
export interface Offer {
  readonly permit: Permit;
  /** What was allowed. */
  readonly request: CanonicalRequest;
  /** How often a kill switch had moved before that. */
  readonly kills: number;
}

/** One session with one server. The session without an id is shared by all stateless clients. */
export interface Session {
  /** Whether ids can be told apart between clients, so that a reused id is a mistake or an attack. */
  readonly named: boolean;
  /** Notes a client request. False: the id is in use, or there are too many. */
  begin(id: RpcId): boolean;
  /** The request has gone to the server. */
  left(id: RpcId): void;
  /**
   * Resolves once the request with this id, if it is still being decided or comes in time ({@link createArrivals}), has gone to
   * the server or never will: what is said about it must not get there first. Where ids cannot be told apart, at once.
   * Until then it is cancelled as by {@link Session.cancel}, which may have come before the request.
   */
  gone(id: RpcId): Promise<void>;
  /** Whether its client can show pages to its user, as it said at the handshake. */
  elicitsUrl: boolean;
  /** Notes that the client was told of an approval. False: it was before. */
  tell(approval: string): boolean;
  /** Notes that a request waits for people. */
  waiting(id: RpcId): Waiting;
  /** The client wants no answer any more: ends the waiting, at once or when it begins, where ids can be told apart. */
  cancel(id: RpcId): void;
  /** The exchange ended; `brokeOff` when its answer may still come on a resumed stream. */
  end(id: RpcId, brokeOff: boolean): void;
  /** Whether a request with this id is being answered. */
  has(id: RpcId): boolean;
  /** Whether a response with this id may arrive on a resumed stream; true once per request. */
  resumed(id: RpcId): boolean;
  /** Notes a server request that is about to be delivered. False: too many. */
  offer(id: RpcId, offer: Offer): boolean;
  /** The request that the client may answer, once; nothing when there is no such open one. */
  answer(id: RpcId): Offer | undefined;
  /** Notes that the stream for what the server says unasked is being opened. To be called back when it is, or is not. */
  opening(): () => void;
  /**
   * Resolves once every stream that is being opened is open. Agents open one and go on at once, and a server that finds
   * none says what it has to say to nobody: through us the order must be the one that the agent chose.
   */
  opened(): Promise<void>;
  /** The definitions of tools that the server gave in it. */
  readonly tools: SeenTools;
}

/** A request that waits for people. */
export interface Waiting {
  /** Aborted when the client cancels the request, or has before it waited. */
  readonly signal: AbortSignal;
  /** It waits no more. */
  done(): void;
}

/** All sessions of the process. */
export interface Sessions {
  of(server: string, sessionId: string | undefined): Session;
  /** Forgets a session that has ended. */
  drop(server: string, sessionId: string | undefined): void;
}

/** Makes the memory. */
export function createSessions(): Sessions {
  const sessions = new Map<string, Session>();
  const key = (server: string, id: string | undefined): string => (id === undefined ? server : `${server} ${id}`);
  return {
    of(server, sessionId) {
      const at = key(server, sessionId);
      const session = sessions.get(at) ?? createSession(sessionId !== undefined);
      sessions.delete(at);
      sessions.set(at, session);
      if (sessions.size > MAX_SESSIONS) {
        const oldest = sessions.keys().next();
        if (oldest.done !== true) sessions.delete(oldest.value);
      }
      return session;
    },
    drop(server, sessionId) {
      sessions.delete(key(server, sessionId));
    },
  };
}

/** One session on its own; stdio has exactly one. */
export function createSession(named: boolean): Session {
  /** By id, whether it has gone to the server. */
  const running = new Map<string, boolean>();
  const departures = new Map<string, PromiseWithResolvers<void>>();
  const arrivals = createArrivals();
  const broken = new Set<string>();
  const offered = new Map<string, Offer[]>();
  const streams = new Set<Promise<void>>();
  const waits = new Map<string, AbortController>();
  /** Of those that have not gone to the server. */
  const cancelled = new Set<string>();
  const told = new Set<string>();
  let offers = 0;
  const depart = (at: string): void => {
    departures.get(at)?.resolve();
    departures.delete(at);
  };
  const cancel = (at: string): void => {
    if (running.get(at) === false) cancelled.add(at);
    waits.get(at)?.abort();
  };
  return {
    named,
    tools: createSeenTools(),
    elicitsUrl: false,
    tell(approval) {
      if (told.has(approval)) return false;
      told.add(approval);
      for (const oldest of told) {
        if (told.size <= MAX_OPEN) break;
        told.delete(oldest);
      }
      return true;
    },
    waiting(id) {
      const at = idKey(id);
      const mine = new AbortController();
      if (named) waits.set(at, mine);
      if (cancelled.has(at)) mine.abort();
      return {
        signal: mine.signal,
        done() {
          if (waits.get(at) === mine) waits.delete(at);
        },
      };
    },
    cancel: (id) => cancel(idKey(id)),
    begin(id) {
      if (!named) return true;
      const at = idKey(id);
      if (running.has(at) || running.size >= MAX_OPEN) return false;
      broken.delete(at);
      running.set(at, false);
      arrivals.came(at);
      return true;
    },
    left(id) {
      // Nothing is noted by ids that cannot be told apart.
      if (!named) return;
      const at = idKey(id);
      if (running.has(at)) running.set(at, true);
      cancelled.delete(at);
      depart(at);
    },
    async gone(id) {
      const at = idKey(id);
      if (named && !running.has(at)) await arrivals.wait(at);
      if (running.get(at) !== false) return;
      cancel(at);
      const departure = departures.get(at) ?? Promise.withResolvers<void>();
      departures.set(at, departure);
      await departure.promise;
    },
    end(id, brokeOff) {
      if (!named && !brokeOff) return;
      const at = idKey(id);
      running.delete(at);
      cancelled.delete(at);
      depart(at);
      if (brokeOff && broken.size < MAX_OPEN) broken.add(at);
    },
    has(id) {
      return running.has(idKey(id));
    },
    resumed(id) {
      return broken.delete(idKey(id));
    },
    offer(id, offer) {
      if (offers >= MAX_OPEN) return false;
      const at = idKey(id);
      offered.set(at, [...(offered.get(at) ?? []), offer]);
      offers += 1;
      return true;
    },
    answer(id) {
      const at = idKey(id);
      const open = offered.get(at);
      const offer = open?.shift();
      if (offer === undefined) return undefined;
      offers -= 1;
      if (open?.length === 0) offered.delete(at);
      return offer;
    },
    opening() {
      // Clients that share the session without an id do not wait for each other.
      if (!named) return () => undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      const done = (): void => {
        clearTimeout(timer);
        streams.delete(promise);
        resolve();
      };
      // Some servers do not answer before they have something to say.
      const timer = setTimeout(done, OPENING_MS);
      streams.add(promise);
      return done;
    },
    async opened() {
      if (streams.size > 0) await Promise.all(streams);
    },
  };
}
