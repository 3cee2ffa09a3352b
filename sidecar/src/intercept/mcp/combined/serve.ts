/** A message on the endpoint of all servers: answered from lists, or handed on to the server that it names. */

import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import { type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import { redactMessage } from '../../../redact/message.js';
import { answerJson } from '../../http/late-answer.js';
import type { Upstream } from '../../http/upstream.js';
import type { ClientMessage } from '../client-message.js';
import { pageRequest } from '../definitions/fetch-page.js';
import type { ToolDefinitions } from '../definitions/tool-definitions.js';
import type { BadHead } from '../head.js';
import type { Spoken } from '../headers.js';
import { type RpcMessage, readMessage } from '../message.js';
import type { OwnRequest } from '../own-requests.js';
import type { Replies } from '../replies.js';
import type { Sessions } from '../sessions.js';
import { LIST_TOOLS } from '../to-attempt.js';
import { sightingOf, type Turn } from '../turn.js';
import { combine } from './combined.js';

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
  readonly log: Logger;
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

/** Makes it. */
export function createServeCombined(options: ServeCombinedOptions): ServeCombined {
  const { upstreams, refuser, replies, sessions, tools, ownRequest, clientMessage, log } = options;

  return async (turn, message, spoken) => {
    const id = message.kind === 'request' ? message.id : undefined;
    if (spoken.era !== 'modern') return replies.badHead(turn, id, ONLY_MODERN);
    if (message.kind !== 'request')
      return replies.respond(turn, id, replies.invalid('only requests are served here'), 400);
    const answer = await combine(message, {
      servers: [...upstreams.keys()],
      fetch: async (server, method, cursor) => {
        const own = at(turn, server);
        const seen = sightingOf(own, spoken);
        const session = sessions.of(server, seen.sessionId);
        const asked = pageRequest(message, cursor, method);
        return ownRequest(own, asked, seen, async (result, permit) => {
          const { id: requestId } = asked;
          const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: requestId, result }));
          const isList = method === LIST_TOOLS;
          const shown = isList ? await tools.shown(bytes, { requestId, seen, session, permit }) : bytes;
          const read = readMessage(redactMessage(permit, shown), { maxBytes: OWN_RESULT_BYTES });
          if (!read.ok || read.message.kind !== 'response' || read.message.result === undefined)
            throw new TypeError('what is left is no result');
          return read.message.result;
        });
      },
      missing: (server, thrown) => log.warn({ server, [LOG_FIELD.error]: thrown }, 'Server could not be listed'),
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
    const headers = { ...own.headers, 'mcp-name': answer.name };
    return clientMessage({ ...own, headers }, answer.message, sightingOf(own, spoken));
  };

  function at(turn: Turn, server: string): Turn {
    const upstream = upstreams.get(server);
    if (upstream === undefined) throw new TypeError('no such upstream');
    return { ...turn, head: { ...turn.head, server }, upstream };
  }
}
