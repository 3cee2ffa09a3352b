/** A message on the endpoint of all servers: answered from lists, or handed on to the server that it names. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import { type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import { redactMessage } from '../../../redact/message.js';
import { answerJson } from '../../http/late-answer.js';
import type { Upstream } from '../../http/upstream.js';
import type { ClientMessage } from '../client-message.js';
import { pageRequest } from '../definitions/fetch-page.js';
import type { ToolDefinitions } from '../definitions/tool-definitions.js';
import type { BadHead } from '../head.js';
import type { Spoken } from '../headers.js';
import { type RpcMessage, type RpcRequest, readMessage } from '../message.js';
import type { OwnRequest } from '../own-requests.js';
import { ServerErrored } from '../relay.js';
import type { Replies } from '../replies.js';
import type { Sessions } from '../sessions.js';
import { LIST_TOOLS } from '../to-attempt.js';
import { sightingOf, type Turn } from '../turn.js';
import { combine } from './combined.js';
import { createResourceOwners } from './resource-owners.js';
import { BY_NAME } from './routes.js';
import { createTaskOwners } from './task-owners.js';

/** Serves one. Rejects for defects only. */
export type ServeCombined = (turn: Turn, message: RpcMessage, spoken: Spoken) => Promise<void>;

/** What it needs. */
export interface ServeCombinedOptions {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly refuser: Refuser;
  readonly replies: Replies;
  readonly sessions: Sessions;
  readonly tools: ToolDefinitions;
  readonly ownRequest: OwnRequest;
  readonly clientMessage: ClientMessage;
  readonly observer: CombinedObserver;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

/** Who hears of it. */
export interface CombinedObserver {
  /** A server could not be asked, or may not be: what is its own was left out of an answer. */
  serverMissing(): void;
}

/** Largest result that is read again after it was filtered: what a server may send at all is bounded before. */
const OWN_RESULT_BYTES = 268_435_456;
const ONLY_MODERN: BadHead = {
  ok: false,
  status: 400,
  rpcCode: RPC_CODE.unsupportedProtocolVersion,
  message: 'the endpoint of all servers speaks 2026-07-28 only: use /mcp/<name>',
  data: { supported: ['2026-07-28'] },
};

interface Page {
  readonly server: string;
  readonly method: string;
  readonly cursor: string | undefined;
  /** To the agent, and so only what it may see. */
  readonly isShown: boolean;
}

/** Makes it. */
export function createServeCombined(options: ServeCombinedOptions): ServeCombined {
  const { upstreams, refuser, replies, sessions, tools, ownRequest, clientMessage, observer, log } = options;
  const resources = createResourceOwners(options.clock);
  const tasks = createTaskOwners();

  return async (turn, message, spoken) => {
    const id = message.kind === 'request' ? message.id : undefined;
    if (spoken.era !== 'modern') return replies.badHead(turn, id, ONLY_MODERN);
    if (message.kind !== 'request')
      return replies.respond(turn, id, replies.invalid('only requests are served here'), 400);
    const answer = await combine(message, {
      servers: [...upstreams.keys()],
      era: spoken.era,
      resources,
      tasks,
      fetch: (server, method, cursor) => ask(turn, message, spoken, { server, method, cursor, isShown: true }),
      listed: (server, method, cursor) => ask(turn, message, spoken, { server, method, cursor, isShown: false }),
    });
    if (answer.kind === 'unknown_method') {
      const elsewhere = 'not served on the endpoint of all servers: use /mcp/<name>';
      return replies.refused(turn, id, refuser.refuse('METHOD_UNKNOWN', { message: elsewhere }), spoken);
    }
    if (answer.kind === 'invalid') {
      return replies.respond(turn, id, replies.invalid(answer.message, 400, RPC_CODE.invalidParams), 200);
    }
    if (answer.kind === 'result') {
      return answerJson(turn.response, 200, JSON.stringify({ jsonrpc: '2.0', id, result: answer.result }));
    }
    const own = at(turn, answer.server);
    const { method, params } = answer.message;
    const headers = BY_NAME.has(method) ? { ...own.headers, 'mcp-name': String(params['name']) } : own.headers;
    const learned = (brought: Json): void => tasks.learn(answer.server, brought);
    return clientMessage({ ...own, headers, learned }, answer.message, sightingOf(own, spoken));
  };

  /** See {@link FetchList}. */
  async function ask(turn: Turn, message: RpcRequest, spoken: Spoken, page: Page): Promise<JsonObject | undefined> {
    const { server, method, cursor, isShown } = page;
    try {
      const own = at(turn, server);
      const seen = sightingOf(own, spoken);
      const session = sessions.of(server, seen.sessionId);
      const asked = pageRequest(message, cursor, method);
      const { id: requestId } = asked;
      return await ownRequest(own, asked, seen, async (result, permit) => {
        complete(result);
        // What a server claims counts, whatever of it the agent may see.
        resources.learn(server, method, result);
        tasks.learn(server, result);
        if (!isShown) return result;
        const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: requestId, result }));
        const isList = method === LIST_TOOLS;
        const shown = isList ? await tools.shown(bytes, { requestId, seen, session, permit }) : bytes;
        const read = readMessage(redactMessage(permit, shown), { maxBytes: OWN_RESULT_BYTES });
        if (!read.ok || read.message.kind !== 'response' || read.message.result === undefined)
          throw new TypeError('what is left is no result');
        return read.message.result;
      });
    } catch (thrown) {
      // It has none of these, which is nothing to be told.
      if (thrown instanceof ServerErrored && thrown.code === RPC_CODE.methodNotFound) return {};
      log.warn({ server, [LOG_FIELD.error]: thrown }, 'Server could not be listed');
      observer.serverMissing();
      return undefined;
    }
  }

  function at(turn: Turn, server: string): Turn {
    const upstream = upstreams.get(server);
    if (upstream === undefined) throw new TypeError('no such upstream');
    return { ...turn, head: { ...turn.head, server }, upstream };
  }
}

/** A result that asks the client for something would have to be decided, and answered by a request that nobody could route. */
function complete(result: JsonObject): void {
  const isComplete = (result['resultType'] ?? 'complete') === 'complete' && result['inputRequests'] === undefined;
  if (!isComplete) throw new TypeError('the server asks for input before it lists');
}
