/** Answers a request on the endpoint of all servers: from lists, or by the server that it is for. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import { redactMessage } from '../../../redact/message.js';
import { answerJson } from '../../http/late-answer.js';
import type { ClientMessage } from '../client-message.js';
import { pageRequest } from '../definitions/fetch-page.js';
import type { ToolDefinitions } from '../definitions/tool-definitions.js';
import { encodeHeaderValue } from '../headers.js';
import { upstreamError } from '../inspect.js';
import { type RpcRequest, readMessage } from '../message.js';
import type { OwnRequest } from '../own-requests.js';
import { ServerErrored } from '../relay.js';
import type { Replies } from '../replies.js';
import type { Sessions } from '../sessions.js';
import { LIST_TOOLS } from '../to-attempt.js';
import type { Turn } from '../turn.js';
import type { CombinedClient } from './client.js';
import { type CombinedParts, combine } from './combined.js';
import { LISTEN, type Listen } from './listen.js';
import { ownerOf } from './routes.js';
import type { TaskOwners } from './task-owners.js';

/**
 * Answers one. Rejects for defects only.
 * @param routed told which server it goes to, where it goes to one, right before it does; false: it is not to go
 */
export type AnswerCombined = (
  turn: Turn,
  message: RpcRequest,
  client: CombinedClient,
  routed?: (server: string) => boolean,
) => Promise<void>;

/** Who hears of it. */
export interface CombinedObserver {
  /** A server could not be asked, or may not be: what is its own was left out of an answer. */
  serverMissing(): void;
  /** What a server said was about a request or task that is not its own, or not this client's, and was dropped. */
  messageDropped(): void;
}

/** What it needs. */
export interface AnswerCombinedOptions {
  /** In the order of the configuration. */
  readonly servers: readonly string[];
  readonly tasks: TaskOwners;
  readonly refuser: Refuser;
  readonly replies: Replies;
  readonly sessions: Sessions;
  readonly tools: ToolDefinitions;
  readonly ownRequest: OwnRequest;
  readonly clientMessage: ClientMessage;
  readonly listen: Listen;
  readonly missing: (server: string, thrown: unknown) => void;
}

/** Largest result that is read again after it was filtered: what a server may send at all is bounded before. */
const OWN_RESULT_BYTES = 268_435_456;

interface Page {
  readonly server: string;
  readonly method: string;
  readonly cursor: string | undefined;
  /** To the agent, and so only what it may see. */
  readonly isShown: boolean;
}

/** Makes it. */
export function createAnswerCombined(options: AnswerCombinedOptions): AnswerCombined {
  const { servers, tasks, refuser, replies, sessions, tools } = options;
  const { ownRequest, clientMessage, listen, missing } = options;

  return async (turn, message, client, routed) => {
    const { id } = message;
    const parts: CombinedParts = {
      servers,
      era: client.era,
      resources: client.resources,
      tasks,
      fetch: (server, method, cursor) => ask(message, client, { server, method, cursor, isShown: true }),
      listed: (server, method, cursor) => ask(message, client, { server, method, cursor, isShown: false }),
    };
    if (message.method === LISTEN && client.era === 'modern')
      return listen(turn, message, client, (uri) => ownerOf('params.notifications.resourceSubscriptions', uri, parts));
    const answer = await combine(message, parts);
    const target = { operation: message.method };
    if (answer.kind === 'unknown_method') {
      const elsewhere = 'not served on the endpoint of all servers: use /mcp/<name>';
      return replies.refused(turn, id, refuser.refuse('METHOD_UNKNOWN', { message: elsewhere, target }), client);
    }
    if (answer.kind === 'invalid') {
      return replies.respond(turn, id, replies.invalid(answer.message, 400, RPC_CODE.invalidParams, target), 200);
    }
    if (answer.kind === 'result') {
      return answerJson(turn.response, 200, JSON.stringify({ jsonrpc: '2.0', id, result: answer.result }));
    }
    const { server } = answer;
    const reached = await client.reach(server);
    if (reached === undefined) {
      return answerJson(turn.response, 200, upstreamError(id, `${server} could not be reached`));
    }
    if (routed?.(server) === false)
      return replies.refused(turn, id, replies.invalid('the request was cancelled'), client);
    const { name } = answer;
    // The header says what the body says, so it says the server's own name as well.
    const isMirrored = name !== undefined && reached.turn.headers['mcp-name'] !== undefined;
    const headers = isMirrored
      ? { ...reached.turn.headers, 'mcp-name': encodeHeaderValue(name) }
      : reached.turn.headers;
    const learned = (brought: Json): void => {
      tasks.learn(server, brought);
      client.subjects.named(server, brought);
    };
    client.subjects.sent(server, answer.message);
    return clientMessage({ ...reached.turn, headers, learned }, answer.message, reached.seen);
  };

  /** See {@link FetchList}. */
  async function ask(message: RpcRequest, client: CombinedClient, page: Page): Promise<JsonObject | undefined> {
    const { server, method, cursor, isShown } = page;
    const reached = await client.reach(server);
    if (reached === undefined) return undefined;
    try {
      const { seen } = reached;
      // What others wait for, too, does not end with the exchange that needed it first.
      const turn = isShown ? reached.turn : { ...reached.turn, signal: new AbortController().signal };
      const session = sessions.of(server, seen.sessionId);
      const asked = pageRequest(message, cursor, method);
      const { id: requestId } = asked;
      return await ownRequest(turn, asked, seen, async (result, permit) => {
        complete(result);
        // What a server claims counts, whatever of it the agent may see.
        client.resources.learn(server, method, result);
        tasks.learn(server, result);
        if (!isShown) return result;
        client.subjects.named(server, result);
        const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: requestId, result }));
        const isList = method === LIST_TOOLS;
        const shown = isList ? await tools.shown(bytes, { requestId, seen, session, permit }) : bytes;
        const read = readMessage(await redactMessage(permit, shown), { maxBytes: OWN_RESULT_BYTES });
        if (!read.ok || read.message.kind !== 'response' || read.message.result === undefined)
          throw new TypeError('what is left is no result');
        return read.message.result;
      });
    } catch (thrown) {
      // It has none of these, which is nothing to be told.
      if (thrown instanceof ServerErrored && thrown.code === RPC_CODE.methodNotFound) return {};
      missing(server, thrown);
      return undefined;
    }
  }
}

/** A result that asks the client for something would have to be decided, and answered by a request that nobody could route. */
function complete(result: JsonObject): void {
  const isComplete = (result['resultType'] ?? 'complete') === 'complete' && result['inputRequests'] === undefined;
  if (!isComplete) throw new TypeError('the server asks for input before it lists');
}
