/** The agent's side of the HTTP proxy: heads are checked, then exchanges begin. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { type AgentServer, type AgentServerOptions, startAgentServer } from '../http/agent-server.js';
import type { Exchange } from './exchange.js';
import { type HeadRules, readHead } from './head.js';
import { refusalError } from './to-response.js';

/** What the server needs. */
export interface McpServerOptions extends Pick<AgentServerOptions, 'listen' | 'limits'> {
  readonly rules: HeadRules;
  readonly exchange: Exchange;
  readonly refuser: Refuser;
}

/**
 * Starts listening.
 * @throws PortcullisError `ERR_LISTEN` when the address cannot be bound.
 */
export function startMcpServer({ listen, limits, rules, exchange, refuser }: McpServerOptions): Promise<AgentServer> {
  return startAgentServer({
    what: 'the MCP port',
    listen,
    limits,
    refuser,
    refuse: (response, refusal) => refuse(response, refusal),
    // The server may speak on it one day.
    isEndless: ({ method }) => method === 'GET',
    async serve(request: IncomingMessage, response: ServerResponse, signal: AbortSignal) {
      const head = readHead(request, rules);
      if (head.ok) return exchange(head, request, response, signal);
      const { status, rpcCode, message, headers } = head;
      // The body was not read, so the connection ends with this answer.
      const ending = { ...headers, connection: 'close' };
      return refuse(response, refuser.refuse('REQUEST_INVALID', { message, rpcCode, httpStatus: status }), ending);
    },
  });
}

function refuse(response: ServerResponse, refusal: Refusal, headers: Readonly<Record<string, string>> = {}): void {
  const text = refusalError(undefined, refusal);
  response.writeHead(refusal.httpStatus, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
