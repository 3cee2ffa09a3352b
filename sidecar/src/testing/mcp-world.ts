/** An MCP proxy whose policy allows everything, with limits that a test can reach, and a server that can stream. */

import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type FakePolicyClient, fakePolicyClient } from './fake-policy-client.js';
import { type Harness, startHarness } from './proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from './recording-upstream.js';

/** A call of a tool. */
export const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } };
/** Its answer. */
export const ANSWER = { jsonrpc: '2.0', id: 1, result: { content: [] } };
/** What a server may say meanwhile. */
export const NOTE = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } };

/** See the file's comment. */
export interface McpWorld {
  readonly client: FakePolicyClient;
  readonly upstream: RecordingUpstream;
  readonly harness: Harness;
}

/** Starts it. */
export async function startMcpWorld(): Promise<McpWorld> {
  const client = fakePolicyClient();
  const upstream = await recordingUpstream();
  const harness = await startHarness({
    client,
    upstreamUrl: upstream.url,
    limits: { maxEventBytes: 2048, maxResponseBytes: 4096, answerTimeoutMs: 500 },
  });
  return { client, upstream, harness };
}

/** A message as an event. */
export function event(message: unknown): string {
  return `data: ${JSON.stringify(message)}\n\n`;
}

/** Answers with these bytes as an event stream. */
export const streams =
  (...parts: readonly (string | Buffer)[]) =>
  (_request: unknown, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    response.end();
  };

/** Opens a request and hands back its answer before the body is there. */
export async function open(
  { url }: Pick<Harness, 'url'>,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<[ClientRequest, IncomingMessage]> {
  const outgoing = httpRequest(url, {
    method,
    agent: false,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
  });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return [outgoing, incoming];
}
