/** What a client of 2025-11-25 says in its session with the endpoint of all servers. */

import type { JsonObject } from '@portcullis/policy/model';
import type { OpenAccount } from '../../../enforce/account.js';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import { type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import type { StoppedSince } from '../../../enforce/stopped-since.js';
import { discard } from '../../http/body.js';
import { answerJson } from '../../http/late-answer.js';
import type { CarryOut } from '../carry-out.js';
import type { ClientMessage } from '../client-message.js';
import { pageRequest } from '../definitions/fetch-page.js';
import type { Spoken } from '../headers.js';
import type { RpcMessage, RpcNotification, RpcRequest, RpcResponse } from '../message.js';
import type { Relay } from '../relay.js';
import type { Replies } from '../replies.js';
import type { AttemptMaker } from '../to-attempt.js';
import { answering, type Turn } from '../turn.js';
import type { AnswerCombined } from './answer.js';
import { unitedCapabilities } from './capabilities.js';
import { type Client, createClients } from './clients.js';
import { SELF } from './combined.js';
import { type Connections, type ConnectionsOptions, createConnections, seenAt } from './connections.js';
import type { MergedStream } from './merged-stream.js';
import { viewerOf } from './resource-views.js';

/** Serves sessions. Both reject for defects only. */
export interface ServeSession {
  message(turn: Turn, message: RpcMessage, spoken: Spoken): Promise<void>;
  verb(turn: Turn, verb: 'GET' | 'DELETE'): Promise<void>;
}

/** What it needs. */
export interface ServeSessionOptions extends Omit<ConnectionsOptions, 'newQuestionId'> {
  readonly servers: readonly string[];
  readonly guard: Guard;
  readonly attempts: Pick<AttemptMaker, 'fromVerb'>;
  readonly openAccount: OpenAccount;
  readonly refuser: Refuser;
  readonly replies: Replies;
  readonly relay: Pick<Relay, 'status'>;
  readonly clientMessage: ClientMessage;
  readonly carryOut: CarryOut;
  readonly answer: AnswerCombined;
  readonly mergedStream: MergedStream;
  readonly stoppedSince: StoppedSince;
}

/** Longest that a handshake waits for servers that say nothing, milliseconds; they are tried again when they are needed. */
const HANDSHAKE_MS = 10_000;
/** Most that a client may say of itself. */
const MAX_HELLO_BYTES = 65_536;

/** Makes it. */
export function createServeSession(options: ServeSessionOptions): ServeSession {
  const { servers, guard, attempts, sessions, refuser, replies, relay, missing, openAccount } = options;
  const { clientMessage, carryOut, answer, mergedStream, ownRequest, ownNotification } = options;
  const clients = createClients();
  let questions = 0;
  const newQuestionId = (): string => {
    questions += 1;
    return `portcullis-${questions}`;
  };

  /** Its client begins again, as the protocol has it. */
  function unknown(turn: Turn, id: RpcRequest['id'] | undefined): void {
    const isNamed = turn.head.headers.has('mcp-session-id');
    const message = isNamed ? 'no such session: begin a new one' : 'begin a session with initialize';
    const status = isNamed ? 404 : 400;
    replies.respond(turn, id, replies.invalid(message, status), status);
  }

  async function begin(turn: Turn, { id, params }: RpcRequest, { version }: Spoken): Promise<void> {
    const { _meta: _unused, ...said } = params;
    // It is kept as long as the session, for servers that are reached later.
    if (Buffer.byteLength(JSON.stringify(said)) > MAX_HELLO_BYTES) {
      const message = `params must have at most ${MAX_HELLO_BYTES} bytes`;
      return replies.refused(turn, id, replies.invalid(message, 400, RPC_CODE.invalidParams), { era: 'legacy' });
    }
    const connections = createConnections({ ...options, newQuestionId }, { ...said, protocolVersion: version });
    await within(
      servers.map((server) => connections.reach(turn, server)),
      HANDSHAKE_MS,
    );
    clients.begin(connections);
    const capabilities = unitedCapabilities(
      connections.open.map((one) => one.capabilities),
      'legacy',
    );
    const result = { protocolVersion: version, capabilities, serverInfo: SELF };
    const headers = { 'mcp-session-id': connections.id };
    answerJson(turn.response, 200, JSON.stringify({ jsonrpc: '2.0', id, result }), headers);
  }

  async function request(asked: Turn, message: RpcRequest, { connections, running }: Client): Promise<void> {
    const unwanted = running.begin(message.id);
    if (unwanted === undefined) {
      const busy = replies.invalid('the id is in use, or too many requests are open');
      return replies.refused(asked, message.id, busy, { era: 'legacy' });
    }
    const turn: Turn = { ...asked, unwanted };
    try {
      if (message.method === 'logging/setLevel') return await setLevel(turn, message, connections);
      const client = {
        era: 'legacy',
        resources: options.resources.of(viewerOf(turn.behalf, connections.id)),
        subjects: connections.subjects,
        async reach(server: string) {
          const reached = await connections.reach(turn, server);
          return reached === undefined ? undefined : { turn: reached.turn, seen: seenAt(reached.turn) };
        },
      } as const;
      return await answer(turn, message, client, (server) => running.goes(message.id, server));
    } finally {
      running.end(message.id);
    }
  }

  /** How much they are to say is said to all that say anything. */
  async function setLevel(turn: Turn, message: RpcRequest, { open, turnAt }: Connections): Promise<void> {
    const { level } = message.params;
    const logging = open.filter(({ capabilities }) => capabilities['logging'] !== undefined);
    const taken = await Promise.all(
      logging.map(async (connection) => {
        const own = turnAt(turn, connection);
        const { id, value } = pageRequest(message, undefined, message.method);
        const params: JsonObject = level === undefined ? {} : { level };
        const asked = { kind: 'request', id, method: message.method, params, value: { ...value, params } } as const;
        return ownRequest(own, asked, seenAt(own)).then(
          () => true,
          (thrown: unknown) => {
            missing(connection.server, thrown);
            return false;
          },
        );
      }),
    );
    if (taken.includes(true) || logging.length === 0)
      return answerJson(turn.response, 200, JSON.stringify({ jsonrpc: '2.0', id: message.id, result: {} }));
    const nobody = replies.invalid('no server took the level: it is denied at each, or none of them can be reached');
    return replies.refused(turn, message.id, nobody, { era: 'legacy' });
  }

  async function notification(turn: Turn, message: RpcNotification, client: Client): Promise<void> {
    const { connections, running } = client;
    const { requestId, progressToken } = message.params;
    const at = (server: string, told: RpcNotification): Promise<void> => {
      const connection = connections.open.find((one) => one.server === server);
      if (connection === undefined) return Promise.resolve(taken(turn));
      const own = connections.turnAt(turn, connection);
      return clientMessage(own, told, seenAt(own));
    };
    switch (message.method) {
      // The servers have been told when they were connected.
      case 'notifications/initialized':
        return taken(turn);
      case 'notifications/cancelled': {
        const server = await running.cancel(requestId);
        // What is over, or has not gone to any server, is nothing that a server could cancel.
        return server === undefined ? taken(turn) : at(server, message);
      }
      case 'notifications/progress': {
        const asked = connections.questions.ofToken(progressToken);
        if (asked === undefined) return taken(turn);
        const params = { ...message.params, progressToken: asked.id };
        return at(asked.connection.server, { ...message, params, value: { ...message.value, params } });
      }
      case 'notifications/roots/list_changed': {
        await Promise.all(
          connections.open.map((connection) => {
            const own = connections.turnAt(turn, connection);
            return ownNotification(own, message, seenAt(own)).catch((thrown: unknown) =>
              missing(connection.server, thrown),
            );
          }),
        );
        return taken(turn);
      }
      default: {
        const elsewhere = 'not served on the endpoint of all servers: use /mcp/<name>';
        const target = { operation: message.method };
        const refusal = refuser.refuse('METHOD_UNKNOWN', { message: elsewhere, target });
        return replies.refused(turn, undefined, refusal, { era: 'legacy' });
      }
    }
  }

  /** The client's answer goes to the server that asked: only if its question was permitted and delivered, and only once. */
  async function answered(turn: Turn, message: RpcResponse, { connections }: Client): Promise<void> {
    const asked = message.id === undefined ? undefined : connections.questions.take(message.id);
    const { connection } = asked ?? {};
    const isOpen = connection !== undefined && connections.open.includes(connection);
    const own = isOpen ? connections.turnAt(turn, connection) : undefined;
    const seen = own === undefined ? undefined : seenAt(own);
    const session = seen === undefined ? undefined : sessions.of(seen.server, seen.sessionId);
    const offer = message.id === undefined ? undefined : session?.answer(message.id);
    if (
      asked === undefined ||
      own === undefined ||
      seen === undefined ||
      session === undefined ||
      offer === undefined
    ) {
      const nobody = replies.invalid('no open server request has this id');
      return replies.refused(turn, undefined, nobody, { era: 'legacy' });
    }
    const { permit, request, kills } = offer;
    const stopped = await options.stoppedSince(kills, [request]);
    if (stopped !== undefined) return replies.refused(turn, undefined, stopped, { era: 'legacy' });
    const value = { ...message.value, id: asked.id };
    const expected = { seen, session, expects: () => false };
    return carryOut(own, permit, undefined, expected, {
      request,
      send: (signal) => own.upstream.answer(permit, JSON.stringify(value), answering(own.headers), signal),
      relay: (task) => relay.status(task),
    });
  }

  /** The client's session ends, and with it those at the servers; each end is decided. */
  async function end(turn: Turn, { connections }: Client): Promise<void> {
    clients.forget(connections.id);
    await Promise.all(
      connections.end().map(async (connection) => {
        if (connection.sessionId === undefined) return;
        const own = connections.turnAt(turn, connection);
        const seen = seenAt(own);
        const permit = await guard(attempts.fromVerb('DELETE', seen, {}));
        if (isRefusal(permit)) return;
        const account = openAccount(permit);
        await own.upstream.forward(permit, 'DELETE', own.headers, own.signal).then(
          ({ body }) => {
            discard(body);
            account.settle('forwarded');
          },
          (thrown: unknown) => {
            account.settle('upstream_failed');
            missing(connection.server, thrown);
          },
        );
        sessions.drop(seen.server, seen.sessionId);
      }),
    );
    taken(turn, 200);
  }

  return {
    async message(turn, message, spoken) {
      const id = message.kind === 'request' ? message.id : undefined;
      if (message.kind === 'request' && message.method === 'initialize') return begin(turn, message, spoken);
      const client = clients.of(turn.head.headers.get('mcp-session-id'));
      if (client === undefined) return unknown(turn, id);
      if (message.kind === 'request') return request(turn, message, client);
      return message.kind === 'notification' ? notification(turn, message, client) : answered(turn, message, client);
    },
    async verb(turn, verb) {
      const client = clients.of(turn.head.headers.get('mcp-session-id'));
      if (client === undefined) return unknown(turn, undefined);
      return verb === 'GET' ? mergedStream(turn, client.connections, servers) : end(turn, client);
    },
  };
}

function taken({ response }: Turn, status = 202): void {
  if (!response.destroyed && !response.headersSent) response.writeHead(status).end();
}

/** Resolves when all are over, or their time is. None of them rejects. */
function within(work: readonly Promise<unknown>[], ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void Promise.all(work).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
