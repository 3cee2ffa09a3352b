/** An MCP server for tests that counts every byte it gets; what it answers is up to the test. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it arrived. */
export interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What the server does with a request. */
export type Script = (request: Recorded, response: ServerResponse) => void | Promise<void>;

/** A listening server. */
export interface RecordingUpstream {
  readonly url: string;
  readonly port: number;
  readonly requests: Recorded[];
  script: Script;
  close(): Promise<void>;
}

/** Starts it on a free port. */
export async function recordingUpstream(script: Script = echo): Promise<RecordingUpstream> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', rawHeaders, headers } = request;
      const recorded = { method, url, rawHeaders, headers, body: Buffer.concat(chunks).toString('utf8') };
      upstream.requests.push(recorded);
      void upstream.script(recorded, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const upstream: RecordingUpstream = {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    requests: [],
    script,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return upstream;
}

/** Answers a request with its own parameters as JSON, and everything else with 202. */
export function echo(request: Recorded, response: ServerResponse): void {
  if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
  const message = JSON.parse(request.body) as { id?: string | number; params?: unknown; method?: string };
  if (message.id === undefined || message.method === undefined) return void response.writeHead(202).end();
  answerJson(response, {
    jsonrpc: '2.0',
    id: message.id,
    result: { resultType: 'complete', echo: message.params ?? null },
  });
}

/** Sends a JSON body. */
export function answerJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
