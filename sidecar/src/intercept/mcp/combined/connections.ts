/**
 * A session of a client of 2025-11-25 at the endpoint of all servers: one here, and one at each server, which the sidecar
 * opens with what the client said of itself. A server that is down is tried again when it is needed.
 */

import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import { discard } from '../../http/body.js';
import type { Upstream } from '../../http/upstream.js';
import { isSessionId } from '../head.js';
import { isModern, PROTOCOL_VERSIONS, type ProtocolVersion } from '../headers.js';
import { elicitsUrl } from '../held/call.js';
import type { RpcNotification, RpcRequest } from '../message.js';
import type { OwnNotification, OwnRequest } from '../own-requests.js';
import type { Sessions } from '../sessions.js';
import { forwardable, sightingOf, type Turn } from '../turn.js';
import type { CombinedObserver } from './answer.js';
import { servedCapabilities } from './capabilities.js';
import { createQuestions, type Questions } from './questions.js';
import { type ResourceViews, viewerOf } from './resource-views.js';
import { createSubjects, type Subjects } from './subjects.js';
import { createTaskOwners } from './task-owners.js';

/** One client's session with one server. */
export interface Connection {
  readonly server: string;
  /** Nothing at a server that has no sessions. */
  readonly sessionId: string | undefined;
  readonly version: string;
  /** Of what it can do, what is told. */
  readonly capabilities: JsonObject;
}

/** One client's sessions with all servers. */
export interface Connections {
  readonly id: string;
  readonly questions: Questions;
  readonly subjects: Subjects;
  /** The server and what the client's exchange is there; nothing where it cannot be reached, which was told, or the session is over. Never rejects. */
  reach(turn: Turn, server: string): Promise<{ readonly turn: Turn; readonly connection: Connection } | undefined>;
  /** Those that are open. */
  readonly open: readonly Connection[];
  /** Aborted when the client's session has ended, or is forgotten. */
  readonly over: AbortSignal;
  /** Ends it here: no server is reached in it any more. Those that were open. */
  end(): readonly Connection[];
  /** A connected server's own exchange. */
  turnAt(turn: Turn, connection: Connection): Turn;
}

/** What it needs. */
export interface ConnectionsOptions {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly sessions: Sessions;
  readonly ownRequest: OwnRequest;
  readonly ownNotification: OwnNotification;
  readonly resources: ResourceViews;
  /** An id that was never given to a question before. */
  readonly newQuestionId: () => string;
  readonly minimumVersion: ProtocolVersion;
  readonly observer: Pick<CombinedObserver, 'messageDropped'>;
  /** A server could not be reached. */
  readonly missing: (server: string, thrown: unknown) => void;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

/** A server that could not be reached is not tried again before, milliseconds. */
const RETRY_MS = 2_000;

/** Most tasks of one server that are remembered of one client. */
const MAX_TASKS = 1_000;

/** What a client said of itself, with the revision that was agreed on with it. */
export type Hello = JsonObject & { readonly protocolVersion: string };

/** No server was reached yet. */
export function createConnections(options: ConnectionsOptions, hello: Hello): Connections {
  const { upstreams, sessions, ownRequest, ownNotification, resources, minimumVersion, missing, clock, log } = options;
  const open = new Map<string, Connection>();
  const opening = new Map<string, Promise<Connection | undefined>>();
  const failedAt = new Map<string, number>();
  const over = new AbortController();
  const subjects = createSubjects(createTaskOwners(MAX_TASKS), () => options.observer.messageDropped());
  const id = randomUUID();
  const questions = createQuestions(options.newQuestionId);

  /** Whether the client may hear of it in an exchange of its own. */
  function concerns({ behalf }: Turn, server: string, said: RpcNotification | RpcRequest): boolean {
    const { uri } = said.params;
    if (said.method === 'notifications/resources/list_changed') resources.changed(server);
    // News of a resource are its own server's to tell.
    const isNews = said.method === 'notifications/resources/updated' && typeof uri === 'string';
    const owners = isNews ? resources.of(viewerOf(behalf, id)).known(uri) : [];
    return owners.every((owner) => owner === server) && subjects.areOf(server, said);
  }

  async function connect(turn: Turn, server: string): Promise<Connection | undefined> {
    try {
      const id = `portcullis-${randomUUID()}`;
      const value = { jsonrpc: '2.0', id, method: 'initialize', params: hello };
      const asked: RpcRequest = { kind: 'request', id, method: 'initialize', params: hello, value };
      // What others wait for, too, does not end with the exchange that needed it first.
      const lasting = { ...turn, signal: over.signal };
      const own = turnAt(lasting, { server, sessionId: undefined, version: hello.protocolVersion, capabilities: {} });
      let sessionId: string | undefined;
      const said = await ownRequest(own, asked, seenAt(own), async (result, _permit, reply) => {
        sessionId = reply.headers.get('mcp-session-id');
        return result;
      });
      const { protocolVersion: version, capabilities } = said;
      if (sessionId !== undefined && !isSessionId(sessionId)) throw new Error('its session id is none');
      if (!isSpoken(version, minimumVersion)) throw new Error('it speaks a revision that is not spoken here');
      const connection = { server, sessionId, version, capabilities: servedCapabilities(capabilities, 'legacy') };
      if (sessionId !== undefined) sessions.of(server, sessionId).elicitsUrl = elicitsUrl(hello['capabilities']);
      const method = 'notifications/initialized';
      const done: RpcNotification = { kind: 'notification', method, params: {}, value: { jsonrpc: '2.0', method } };
      const there = turnAt(lasting, connection);
      await ownNotification(there, done, seenAt(there));
      over.signal.throwIfAborted();
      open.set(server, connection);
      return connection;
    } catch (thrown) {
      failedAt.set(server, clock.monotonic());
      missing(server, thrown);
      return undefined;
    }
  }

  function turnAt(turn: Turn, connection: Connection): Turn {
    const { server, sessionId, version } = connection;
    const upstream = upstreams.get(server);
    if (upstream === undefined) throw new TypeError('no such upstream');
    const headers = new Map(turn.head.headers);
    headers.delete('last-event-id');
    headers.delete('mcp-session-id');
    if (sessionId !== undefined) headers.set('mcp-session-id', sessionId);
    headers.set('mcp-protocol-version', version);
    return {
      ...turn,
      head: { ...turn.head, server, headers },
      headers: forwardable(headers),
      upstream: throughUs(upstream, connection),
      readdressed: (message) => questions.outward(connection, message),
      concerns: (said) => concerns(turn, server, said),
    };
  }

  /** The server as it is from here: its session may be over while the client's is not, and the ids it is told are its own. */
  function throughUs(upstream: Upstream, connection: Connection): Upstream {
    return {
      ...upstream,
      async forward(...given) {
        const reply = await upstream.forward(...given);
        if (reply.status === 404 && connection.sessionId !== undefined) {
          discard(reply.body);
          forget(connection);
          throw new Error('its session is over');
        }
        return reply;
      },
      async decline(id, ...others) {
        const asked = questions.take(id);
        if (asked === undefined) throw new TypeError('nobody asked this');
        return upstream.decline(asked.id, ...others);
      },
    };
  }

  function forget(connection: Connection): void {
    if (open.get(connection.server) !== connection) return;
    open.delete(connection.server);
    sessions.drop(connection.server, connection.sessionId);
    log.info({ server: connection.server, [LOG_FIELD.reason]: 'unknown there' }, 'Session with a server is over');
  }

  return {
    id,
    questions,
    subjects,
    over: over.signal,
    turnAt,
    get open() {
      return [...open.values()];
    },
    end() {
      const opened = [...open.values()];
      over.abort();
      open.clear();
      return opened;
    },
    async reach(turn, server) {
      if (over.signal.aborted) return undefined;
      let connection = open.get(server);
      const isDue = clock.monotonic() - (failedAt.get(server) ?? Number.NEGATIVE_INFINITY) >= RETRY_MS;
      if (connection === undefined && (isDue || opening.has(server))) {
        const under = opening.get(server) ?? connect(turn, server).finally(() => opening.delete(server));
        opening.set(server, under);
        connection = await under;
      }
      return connection === undefined ? undefined : { turn: turnAt(turn, connection), connection };
    },
  };
}

/** Where what is said in it is seen. */
export function seenAt(turn: Turn): ReturnType<typeof sightingOf> {
  return sightingOf(turn, { ok: true, era: 'legacy', version: turn.head.headers.get('mcp-protocol-version') ?? '' });
}

function isSpoken(version: unknown, minimum: ProtocolVersion): version is ProtocolVersion {
  return PROTOCOL_VERSIONS.some((known) => known === version && known >= minimum && !isModern(known));
}
