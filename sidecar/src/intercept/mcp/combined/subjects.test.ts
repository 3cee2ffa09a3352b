/** What servers say of requests and tasks at the endpoint of all servers: only of their own, and only to who asked. */

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Answered, type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../../testing/recording-upstream.js';

type Message = { readonly id?: number; readonly method?: string; readonly params?: Record<string, unknown> };
let harness: Harness;
let servers: Record<'a' | 'b', RecordingUpstream>;
/** What a server says while it answers a call. */
let says: (name: string) => readonly object[];
/** The result of a call. */
let gives: (name: string) => object;

const sse = (message: object): string => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
const speak = (name: string, response: ServerResponse): void => {
  for (const one of says(name)) response.write(sse(one));
};
const start = (name: string): Promise<RecordingUpstream> =>
  recordingUpstream(({ method: verb, body }, response) => {
    if (verb !== 'POST') return void response.writeHead(405).end();
    const { id, method } = JSON.parse(body) as Message;
    if (id === undefined) return void response.writeHead(202).end();
    if (method === 'initialize') {
      response.setHeader('mcp-session-id', `own-${name}`);
      const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name } };
      return answerJson(response, { jsonrpc: '2.0', id, result });
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    speak(name, response);
    return void response.end(sse({ id, result: gives(name) }));
  });

beforeEach(async () => {
  says = () => [];
  gives = () => ({ content: [] });
  servers = { a: await start('a'), b: await start('b') };
  harness = await startHarness({
    client: fakePolicyClient(),
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams: Object.entries(servers).map(([name, { url }]) => ({ name, url })),
    combined: true,
  });
});
afterEach(async () => {
  await harness.close();
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

const send = (message: object, headers: readonly string[]): Promise<Answered> =>
  harness.send({
    path: '/mcp',
    headers: ['content-type', 'application/json', 'accept', 'application/json, text/event-stream', ...headers],
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  });
const progress = (progressToken: unknown): object => ({
  method: 'notifications/progress',
  params: { progressToken, progress: 1 },
});
const status = (taskId: string): object => ({
  method: 'notifications/tasks/status',
  params: { taskId, status: 'working' },
});
const related = (taskId: string): object => ({
  method: 'notifications/message',
  params: { level: 'info', data: 'x', _meta: { 'io.modelcontextprotocol/related-task': { taskId } } },
});
/** The methods that came before the answer. */
const heard = ({ text }: Answered): readonly (string | undefined)[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => (JSON.parse(line.slice(6)) as Message).method)
    .filter((method) => method !== undefined);
const dropped = async (): Promise<string | undefined> =>
  /sidecar_combined_messages_dropped_total (\d+)/.exec(await harness.registry.metrics())?.[1];

describe('in a session of 2025-11-25', () => {
  const begin = async (): Promise<string> => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
    return String((await send({ id: 0, method: 'initialize', params }, [])).headers['mcp-session-id']);
  };
  const call = (session: string, name: string, progressToken: number): Promise<Answered> =>
    send({ id: progressToken, method: 'tools/call', params: { name, arguments: {}, _meta: { progressToken } } }, [
      ...['mcp-session-id', session, 'mcp-protocol-version', '2025-11-25'],
    ]);

  test('progress is of requests that the server was sent for this client', async () => {
    const [mine, other] = [await begin(), await begin()];
    says = () => [progress(1)];
    expect(heard(await call(mine, 'a__x', 1))).toEqual(['notifications/progress']);
    expect(heard(await call(mine, 'b__x', 2))).toEqual([]);
    expect(heard(await call(other, 'a__x', 3))).toEqual([]);
    says = () => [progress('1'), progress({ deep: 1 }), progress(undefined)];
    expect(heard(await call(mine, 'a__x', 4))).toEqual([]);
    expect(await dropped()).toBe('5');
    says = () => [progress(2)];
    expect(heard(await call(mine, 'b__x', 5))).toEqual(['notifications/progress']);
  });

  test('states of tasks are of those that the server named to this client', async () => {
    const [mine, other] = [await begin(), await begin()];
    gives = (name) => ({ task: { taskId: `t-${name}`, status: 'working' } });
    says = () => [status('t-a'), related('t-a')];
    // Before it is named, words about it are nobody's; its state is.
    expect(heard(await call(mine, 'a__x', 1))).toEqual(['notifications/message']);
    expect(heard(await call(mine, 'a__x', 2))).toEqual(['notifications/tasks/status', 'notifications/message']);
    expect(heard(await call(mine, 'b__x', 3))).toEqual([]);
    expect(heard(await call(other, 'a__x', 4))).toEqual(['notifications/message']);
    expect(await dropped()).toBe('4');
  });
});

describe('of 2026-07-28', () => {
  const MODERN = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const call = (name: string, progressToken: number): Promise<Answered> => {
    const params = { name, arguments: {}, _meta: { ...MODERN, progressToken } };
    return send({ id: progressToken, method: 'tools/call', params }, [
      ...['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', name],
    ]);
  };

  test('progress is of the request that is being answered', async () => {
    says = () => [progress(1)];
    expect(heard(await call('a__x', 1))).toEqual(['notifications/progress']);
    expect(heard(await call('a__x', 2))).toEqual([]);
    expect(heard(await call('b__x', 3))).toEqual([]);
    expect(await dropped()).toBe('2');
  });

  test('states of tasks are of those that the server named', async () => {
    gives = (name) => ({ resultType: 'task', taskId: `t-${name}`, status: 'working' });
    await call('a__x', 1);
    says = () => [status('t-a'), { method: 'notifications/tasks', params: { taskId: 't-a', status: 'working' } }];
    expect(heard(await call('a__x', 2))).toEqual(['notifications/tasks/status', 'notifications/tasks']);
    expect(heard(await call('b__x', 3))).toEqual([]);
  });
});
